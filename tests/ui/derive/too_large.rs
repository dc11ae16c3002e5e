use pool::Pooled;

#[derive(Pooled)]
#[pool(capacity = usize::MAX)]
struct Capacity;

#[derive(Pooled)]
#[pool(capacity = 1 << 60)]
struct OfLarge([u8; 1 << 20]);

#[derive(Pooled)]
#[pool(magazine = 65_536)]
struct Magazine;

fn main() {}
