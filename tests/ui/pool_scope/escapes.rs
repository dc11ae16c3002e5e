use pool::{Full, Pool, PoolConfig, PoolScope};

fn object(pool: &Pool<u32>) -> &mut u32 {
    pool.scope(|s| s.alloc(7).unwrap())
}

fn scope(pool: &Pool<u32>) {
    let mut kept: Option<&PoolScope<'_, u32>> = None;
    pool.scope(|s| kept = Some(s));
    kept.unwrap().alloc(7).unwrap();
}

fn outlives_the_pool() -> Result<u32, Full<u32>> {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    pool.scope(|s| {
        drop(pool);
        s.alloc(7).copied()
    })
}

fn main() {}
