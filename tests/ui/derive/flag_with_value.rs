use pool::Pooled;

#[derive(Pooled)]
#[pool(prefault = true, cache_line = 64)]
struct Flags;

#[derive(Pooled)]
#[pool(shared = true, recycle(true), scrub = "zeros")]
struct Kinds;

fn main() {}
