use pool::Pooled;

#[derive(Pooled)]
#[pool(crate = "pool")]
struct Text;

fn main() {}
