use pool::Pooled;

const NONE: usize = 4 - 4;

#[derive(Pooled)]
#[pool(capacity = 0)]
struct Literal;

#[derive(Pooled)]
#[pool(capacity = NONE * 2)]
struct Computed;

#[derive(Pooled)]
#[pool(magazine = 0)]
struct Magazine;

fn main() {}
