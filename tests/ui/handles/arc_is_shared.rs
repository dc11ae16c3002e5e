use pool::{PoolArc, Pooled};

#[derive(Clone, Pooled)]
#[pool(shared)]
struct Order(u64, String);

fn written() {
    let arc = PoolArc::new(Order(1, String::new()));
    arc.0 = 2;
}

fn moved_out() {
    let arc = PoolArc::new(Order(1, String::new()));
    let _text = arc.1;
}

fn cloned() {
    let mut arc = PoolArc::new(Order(1, String::new()));
    let order = PoolArc::get_mut(&mut arc).unwrap();
    let clone = PoolArc::clone(&arc);
    order.0 = 2;
    println!("{}", clone.0);
}

fn made_mutable() {
    let mut arc = PoolArc::new(Order(1, String::new()));
    let order = PoolArc::make_mut(&mut arc);
    let weak = PoolArc::downgrade(&arc);
    order.0 = 2;
    println!("{weak:?}");
}

fn main() {}
