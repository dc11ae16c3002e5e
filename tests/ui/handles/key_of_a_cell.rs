use pool::{PoolArc, PoolWeak, Pooled};
use std::cell::Cell;

#[derive(Pooled)]
#[pool(shared)]
struct Count(Cell<u64>);

fn main() {
    let count = PoolArc::new(Count(Cell::new(1)));
    let key = PoolArc::downgrade(&count);
    let bits = key.to_bits();
    let _forged = PoolWeak::<Count>::from_bits(bits);
}
