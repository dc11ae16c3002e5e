use pool::Pooled;

#[derive(Pooled)]
#[pool(prefault = true, cache_line = 64)]
struct Flags;

fn main() {}
