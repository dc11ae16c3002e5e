use pool::{PoolBox, Pooled};
use std::time::Duration;

#[derive(Pooled)]
struct Order(u64);

fn blocks() {
    let _order = PoolBox::new_timeout(Order(1), Duration::from_millis(1));
}

async fn waits() {
    let _order = PoolBox::new_async(Order(1)).await;
}

fn main() {}
