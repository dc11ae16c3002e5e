use pool::Pooled;

#[derive(Pooled)]
#[pool(for(Copied<u64>, Copied<String>))]
struct Copied<T: Copy>(T);

#[derive(Pooled)]
#[pool(for(Bytes<String>, Bytes<u64>))]
struct Bytes<T>(T)
where
    T: AsRef<[u8]>;

#[derive(Pooled)]
#[pool(for(Twice<u64>, Twice<Number>))]
struct Twice<T>(T);

type Number = u64;

#[derive(Pooled)]
#[pool(for(Sized<[u8]>))]
struct Sized<T>(T);

fn main() {}
