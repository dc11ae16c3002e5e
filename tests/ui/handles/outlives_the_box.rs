use pool::{PoolBox, Pooled};

#[derive(Pooled)]
struct Order(u64);

fn dropped() {
    let boxed = PoolBox::new(Order(1));
    let id = &boxed.0;
    drop(boxed);
    println!("{id}");
}

fn moved() {
    let boxed = PoolBox::new(Order(1));
    let order = PoolBox::into_inner(boxed);
    println!("{} {}", order.0, boxed.0);
}

fn main() {}
