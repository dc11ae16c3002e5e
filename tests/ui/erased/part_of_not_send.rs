use pool::{PoolArc, PoolBox, Pooled};
use std::cell::Cell;
use std::rc::Rc;

#[derive(Pooled)]
struct Local {
    bytes: [u8; 4],
    shared: Rc<u32>,
}

#[derive(Pooled)]
#[pool(shared)]
struct NotSync {
    bytes: [u8; 4],
    cell: Cell<u32>,
}

fn main() {
    let local = Local { bytes: [0; 4], shared: Rc::new(7) };
    PoolBox::map(PoolBox::new(local), |local| &mut local.bytes[..]);

    let not_sync = NotSync { bytes: [0; 4], cell: Cell::new(7) };
    PoolArc::map(PoolArc::new(not_sync), |not_sync| &not_sync.bytes[..]);
}
