use pool::{PoolArc, Pooled};
use std::cell::Cell;
use std::rc::Rc;
use std::thread;

#[derive(Pooled)]
#[pool(shared)]
struct Local(Rc<u32>);

#[derive(Pooled)]
#[pool(shared)]
struct Counter(Cell<u32>);

fn local() {
    let arc = PoolArc::new(Local(Rc::new(7)));
    thread::spawn(move || drop(arc));
}

// Two owners could write at the same time.
fn counter() {
    let arc = PoolArc::new(Counter(Cell::new(7)));
    let clone = PoolArc::clone(&arc);
    thread::spawn(move || clone.0.set(8));
    arc.0.set(9);
}

fn main() {}
