use pool::Pooled;

#[derive(Pooled)]
#[pool(crate = nowhere)]
struct Nowhere;

fn main() {}
