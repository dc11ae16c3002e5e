use pool::{PoolArc, Pooled};

#[derive(Pooled)]
#[pool(shared)]
struct Order(u64);

fn main() {
    let mut order = PoolArc::new(Order(1));
    order.0 = 2;
}
