use pool::Pooled;

#[derive(Pooled)]
struct Order(u64);

fn main() {
    let _order = Order::pool().take();
}
