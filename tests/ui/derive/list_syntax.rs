use pool::Pooled;

#[derive(Pooled)]
#[pool(for)]
struct Alone<T>(T);

#[derive(Pooled)]
#[pool(for = Equals<u64>, capacity = 8)]
struct Equals<T>(T);

#[derive(Pooled)]
#[pool(for<Angles<u64>>)]
struct Angles<T>(T);

#[derive(Pooled)]
#[pool(for(Comma<u64> Comma<u32>))]
struct Comma<T>(T);

#[derive(Pooled)]
#[pool(for("Text<u64>"))]
struct Text<T>(T);

#[derive(Pooled)]
#[pool(for(Unfinished<u64>, &))]
struct Unfinished<T>(T);

#[derive(Pooled)]
#[pool(for(Behind<u64>) capacity = 8)]
struct Behind<T>(T);

#[derive(Pooled)]
#[pool(types(Misspelt<u64>))]
struct Misspelt<T>(T);

fn main() {}
