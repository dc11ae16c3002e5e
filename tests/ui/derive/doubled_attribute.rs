use pool::Pooled;

#[derive(Pooled)]
#[pool(capacity = 8, prefault, capacity = 9)]
struct Twice;

#[derive(Pooled)]
#[pool(prefault)]
#[pool(prefault)]
struct Apart;

fn main() {}
