use pool::{Pool, PoolBox, PoolConfig, Pooled};
use std::rc::Rc;

#[derive(Pooled)]
struct Local(Rc<u32>);

fn main() {
    let boxed = PoolBox::new(Local(Rc::new(7)));
    std::thread::spawn(move || drop(boxed));

    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    let boxed = pool.alloc(Rc::new(7));
    std::thread::scope(|scope| {
        scope.spawn(move || drop(boxed));
    });
}
