use pool::Pooled;

#[derive(Pooled)]
#[pool(crate = "pool")]
struct Text;

#[derive(Pooled)]
#[pool(crate = nowhere)]
struct Nowhere;

fn main() {}
