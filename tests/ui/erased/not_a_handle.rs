use pool::{Pool, PoolConfig, erase};
use std::any::Any;

fn main() {
    erase!(Box::new(7), dyn Any);

    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    erase!(pool.alloc(7), dyn Any);
}
