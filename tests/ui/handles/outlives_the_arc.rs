use pool::{PoolArc, PoolWeak, Pooled};

#[derive(Pooled)]
#[pool(shared)]
struct Order(u64);

fn dropped() {
    let arc = PoolArc::new(Order(1));
    let id = &arc.0;
    drop(arc);
    println!("{id}");
}

fn escapes() -> &'static u64 {
    let arc = PoolArc::new(Order(1));
    &arc.0
}

fn upgraded(weak: PoolWeak<Order>) -> &'static u64 {
    &weak.upgrade().unwrap().0
}

fn taken_back() {
    let arc = PoolArc::new(Order(1));
    let id = &arc.0;
    let _order = PoolArc::into_inner(arc);
    println!("{id}");
}

fn main() {}
