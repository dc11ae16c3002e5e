use pool::{PoolBox, Pooled};
use std::cell::Cell;

#[derive(Pooled)]
struct Counter(Cell<u32>);

fn main() {
    let boxed = PoolBox::new(Counter(Cell::new(7)));
    std::thread::scope(|scope| {
        scope.spawn(|| boxed.0.set(8));
    });
}
