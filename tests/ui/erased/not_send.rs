use pool::{PoolArc, PoolBox, Pooled, erase};
use std::rc::Rc;

trait Shape {}

#[derive(Pooled)]
#[pool(shared)]
struct Local(Rc<u32>);

impl Shape for Local {}

fn main() {
    let boxed = PoolBox::new(Local(Rc::new(7)));
    erase!(boxed, dyn Shape + Send);

    let owner = PoolArc::new(Local(Rc::new(7)));
    erase!(owner, dyn Shape + Send + Sync);
}
