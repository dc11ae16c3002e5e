use pool::{Pool, PoolBox, PoolConfig, Pooled};

#[derive(Pooled)]
struct Order(u64);

fn boxed() {
    let mut boxed = PoolBox::new(Order(1));
    let write = &mut boxed.0;
    let read = &boxed.0;
    *write = 2;
    println!("{read}");
}

fn immutable() {
    let boxed = PoolBox::new(Order(1));
    boxed.0 = 2;
}

fn scoped() {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    let mut boxed = pool.alloc(Order(1));
    let write = &mut boxed.0;
    drop(boxed);
    *write = 2;
}

fn main() {}
