use pool::{PoolBox, Pooled, epoch};

#[derive(Pooled)]
struct Order(u64);

fn used() {
    let guard = epoch::pin();
    let boxed = PoolBox::new(Order(1));
    PoolBox::retire(boxed, &guard);
    println!("{}", boxed.0);
}

fn borrowed() {
    let guard = epoch::pin();
    let boxed = PoolBox::new(Order(1));
    let id = &boxed.0;
    PoolBox::retire(boxed, &guard);
    println!("{id}");
}

fn main() {}
