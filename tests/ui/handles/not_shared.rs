use pool::{PoolArc, PoolBox, Pooled};

#[derive(Pooled)]
struct Order(u64);

fn main() {
    let _one = PoolBox::new(Order(1));
    let _several = PoolArc::new(Order(2));
}
