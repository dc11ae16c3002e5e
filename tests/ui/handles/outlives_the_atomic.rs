use pool::{PoolAtomic, PoolBox, Pooled, epoch};

#[derive(Pooled)]
struct Order(u64);

fn dropped() {
    let guard = epoch::pin();
    let atomic = PoolAtomic::new(PoolBox::new(Order(1)));
    let order = atomic.load(&guard);
    drop(atomic);
    println!("{}", order.is_some());
}

fn taken() {
    let guard = epoch::pin();
    let mut atomic = PoolAtomic::new(PoolBox::new(Order(1)));
    let order = atomic.load(&guard);
    let _taken = atomic.take();
    println!("{}", order.is_some());
}

fn written() {
    let guard = epoch::pin();
    let mut atomic = PoolAtomic::new(PoolBox::new(Order(1)));
    let order = atomic.load(&guard);
    atomic.get_mut().unwrap().0 = 2;
    println!("{}", order.is_some());
}

fn exchanged() {
    let guard = epoch::pin();
    let atomic = PoolAtomic::new(PoolBox::new(Order(1)));
    let failed = atomic.compare_exchange(None, None, &guard).err();
    drop(atomic);
    println!("{}", failed.is_some());
}

fn taken_apart() {
    let guard = epoch::pin();
    let atomic = PoolAtomic::new(PoolBox::new(Order(1)));
    let order = atomic.load(&guard);
    let _boxed = atomic.into_inner();
    println!("{}", order.is_some());
}

fn main() {}
