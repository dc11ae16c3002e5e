use pool::{Pool, PoolBox, PoolConfig, Pooled};

#[derive(Pooled)]
#[pool(for(Frame<'static>))]
struct Frame<'a> {
    bytes: &'a [u8],
}

fn borrowed(bytes: &[u8]) {
    let _frame = PoolBox::new(Frame { bytes });
}

fn sent() {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    let boxed = pool.alloc(7);
    std::thread::spawn(move || drop(boxed));
}

fn main() {}
