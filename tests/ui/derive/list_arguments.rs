use pool::Pooled;

#[derive(Pooled)]
#[pool(for(Number<u64, u64>))]
struct Number<T>(T);

#[derive(Pooled)]
#[pool(for(Buffer<u8>))]
struct Buffer<const N: usize>([u8; N]);

#[derive(Pooled)]
#[pool(for(Inferred<_>))]
struct Inferred<T>(T);

fn main() {}
