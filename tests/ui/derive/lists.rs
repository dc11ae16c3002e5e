use pool::Pooled;

#[derive(Pooled)]
#[pool(for(u64, Other<u64>, (Message<u64>, u8), <u64 as Iterator>::Message))]
struct Message<T>(T);

#[derive(Pooled)]
#[pool(for(Quote, Quote<>))]
struct Quote<T>(T);

#[derive(Pooled)]
#[pool(for(Tick<u8>, Tick<u16>, Tick < u8 >), for(Tick<u16>))]
struct Tick<T>(T);

#[derive(Pooled)]
#[pool(capacity = 8, for())]
struct Buffer<const N: usize, const ZEROED: bool>([u8; N]);

#[derive(Pooled)]
#[pool(for(Order))]
struct Order(u64);

#[derive(Pooled)]
#[pool(for(Trade<T>, Trade<Vec<T>>))]
struct Trade<T>(T);

#[derive(Pooled)]
#[pool(for(Frame<LENGTH>))]
struct Frame<const LENGTH: usize>([u8; LENGTH]);

fn main() {}
