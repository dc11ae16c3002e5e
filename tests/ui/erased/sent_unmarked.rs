use pool::{PoolArc, PoolBox, Pooled, erase};

trait Shape {}

#[derive(Pooled)]
#[pool(shared)]
struct Square(u32);

impl Shape for Square {}

fn main() {
    let shape = erase!(PoolBox::new(Square(7)), dyn Shape);
    std::thread::spawn(move || drop(shape));

    let shape = erase!(PoolArc::new(Square(7)), dyn Shape + Send);
    std::thread::spawn(move || drop(shape));
}
