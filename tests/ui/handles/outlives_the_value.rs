use pool::{Pool, PoolConfig, ScopedBox};

fn borrowed() {
    let pool = Pool::with_config(PoolConfig::new()).unwrap();
    let boxed;
    {
        let text = String::from("8=FIX");
        boxed = pool.alloc(text.as_str());
    }
    println!("{}", *boxed);
}

fn leaked<'a>(pool: &'a Pool<&'a str>) -> &'a str {
    let text = String::from("8=FIX");
    ScopedBox::leak(pool.alloc(text.as_str()))
}

fn main() {}
