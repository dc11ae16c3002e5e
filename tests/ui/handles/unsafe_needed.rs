use pool::{PoolBox, Pooled};

#[derive(Pooled)]
struct Order(u64);

fn main() {
    let raw = PoolBox::into_raw(PoolBox::new(Order(1)));
    let boxed: PoolBox<Order> = PoolBox::from_raw(raw);
    let boxed: PoolBox<Order> = PoolBox::<Order>::new_uninit().assume_init();
}
