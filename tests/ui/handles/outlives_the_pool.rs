use pool::{Pool, PoolConfig, ScopedBox};

fn escapes() -> ScopedBox<'static, u32> {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    pool.alloc(7)
}

fn dropped_first() {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    let boxed = pool.alloc(7);
    drop(pool);
    drop(boxed);
}

fn leaked() -> &'static mut u32 {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    ScopedBox::leak(pool.alloc(7))
}

fn main() {}
