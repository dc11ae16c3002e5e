use pool::Pooled;

#[derive(Pooled)]
#[pool(capacity = 1 << 60, for(Message<u8>, Message<[u64; 8]>, Message<String>))]
struct Message<T>(T);

#[derive(Pooled)]
#[pool(capacity = 0, for(Tick<u8>, Tick<u16>))]
struct Tick<T>(T);

fn main() {}
