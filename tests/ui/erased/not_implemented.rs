use pool::{PoolArc, PoolBox, Pooled, erase};

trait Shape {}

#[derive(Pooled)]
#[pool(shared)]
struct Order(u64);

fn main() {
    let boxed = PoolBox::new(Order(1));
    erase!(boxed, dyn Shape);

    let owner = PoolArc::new(Order(1));
    erase!(owner, dyn Shape);
}
