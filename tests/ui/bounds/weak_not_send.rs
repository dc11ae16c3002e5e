use pool::{PoolArc, PoolWeak, Pooled};
use std::cell::Cell;
use std::thread;

#[derive(Pooled)]
#[pool(shared)]
struct Counter(Cell<u32>);

fn sent(weak: PoolWeak<Counter>) {
    thread::spawn(move || weak.upgrade().map(|counter| counter.0.set(8)));
}

// The bits of a key are sent as easily as any number.
fn forged(arc: &PoolArc<Counter>) {
    let bits = PoolArc::downgrade(arc).to_bits();
    thread::spawn(move || PoolWeak::<Counter>::from_bits(bits).is_some());
}

fn main() {}
