use pool::{PoolBox, Pooled};

#[derive(Pooled)]
struct Order(u64);

fn main() {
    let mut escaped = None;
    let part = PoolBox::map(PoolBox::new(Order(1)), |order| {
        escaped = Some(&mut order.0);
        &mut order.0
    });
    drop(part);

    let mut local = 7;
    PoolBox::map(PoolBox::new(Order(1)), |_| &mut local);
}
