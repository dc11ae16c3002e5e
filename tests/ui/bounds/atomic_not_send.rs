use pool::{PoolAtomic, PoolBox, Pooled};
use std::cell::Cell;
use std::rc::Rc;
use std::thread;

#[derive(Pooled)]
struct Local(Rc<u32>);

#[derive(Pooled)]
struct Counter(Cell<u32>);

static COUNTER: PoolAtomic<Counter> = PoolAtomic::null();

fn main() {
    let atomic = PoolAtomic::new(PoolBox::new(Local(Rc::new(7))));
    thread::spawn(move || drop(atomic));
}
