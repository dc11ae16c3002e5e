use pool::Pooled;

const ORDERS: u32 = 1024;

#[derive(Pooled)]
#[pool(capacity = ORDERS)]
struct Order;

#[derive(Pooled)]
#[pool(magazine = ORDERS as usize, capacity = 7)]
struct Trade;

#[derive(Pooled)]
#[pool(capacity = size_of::<Self>())]
struct Itself;

fn main() {}
