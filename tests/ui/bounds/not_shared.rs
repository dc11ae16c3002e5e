use pool::{PoolArc, PoolBox, PoolWeak, Pooled};

#[derive(Pooled)]
struct Order(u64);

struct Book {
    best: PoolWeak<Order>,
}

fn main() {
    let _new = PoolArc::new(Order(1));
    let _from = PoolArc::from(PoolBox::new(Order(2)));
}
