use pool::{PoolAtomic, PoolBox, Pooled, epoch};
use std::rc::Rc;

#[derive(Pooled)]
struct Local(Rc<u32>);

fn main() {
    let guard = epoch::pin();
    PoolBox::retire(PoolBox::new(Local(Rc::new(7))), &guard);

    let atomic = PoolAtomic::new(PoolBox::new(Local(Rc::new(7))));
    atomic.store(PoolBox::new(Local(Rc::new(8))), &guard);
}
