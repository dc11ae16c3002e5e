use pool::PoolBox;

struct Order(u64);

fn main() {
    let order = PoolBox::new(Order(1));
}
