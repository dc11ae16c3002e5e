use pool::Pooled;

#[derive(Pooled)]
#[pool(cap = 10, magazin = 3, prefault = false, capacity = 7, , crate)]
struct Several;

#[derive(Pooled)]
#[pool(64)]
struct Number;

#[derive(Pooled)]
#[pool(prefault(true), cache_line = )]
struct Flags;

fn main() {}
