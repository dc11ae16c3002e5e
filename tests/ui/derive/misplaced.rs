use pool::Pooled;

#[derive(Pooled)]
struct Field {
    #[pool(capacity = 3)]
    id: u64,
}

#[derive(Pooled)]
enum Variant {
    #[pool(capacity = 3)]
    One,
    Two(#[pool(prefault)] u64),
}

fn main() {}
