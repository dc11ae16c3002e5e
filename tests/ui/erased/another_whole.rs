// What is behind the macro cannot be used to take something else for the whole object.

use pool::__private::erase;
use pool::{PoolBox, Pooled};
use std::rc::Rc;

#[derive(Pooled)]
struct Order(u64);

#[derive(Pooled)]
struct Local(Rc<u64>);

fn main() {
    let local = PoolBox::new(Local(Rc::new(7)));
    erase::<_, dyn Send>(local, |_| {
        erase::<_, Order>(PoolBox::new(Order(1)), |order| order);
        let mut other = None;
        erase::<_, Order>(PoolBox::new(Order(1)), |order| {
            other = Some(order);
            order
        });
        other.unwrap()
    });
}
