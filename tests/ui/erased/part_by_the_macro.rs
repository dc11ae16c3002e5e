// What is behind the macro lets nobody at a part.

use pool::__private::erase;
use pool::{PoolBox, Pooled};
use std::rc::Rc;

#[derive(Pooled)]
struct Local(u64, Rc<u64>);

fn main() {
    let local = PoolBox::new(Local(7, Rc::new(7)));
    erase::<_, u64>(local, |local| &local.0);
}
