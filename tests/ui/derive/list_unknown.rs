use pool::Pooled;

#[derive(Pooled)]
#[pool(capacity = 8, shared, for(Message<Prise>, Message<u64>))]
struct Message<T>(T);

struct Price(u64);

fn main() {}
