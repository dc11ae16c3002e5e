use pool::{PoolAtomic, PoolBox, Pooled, epoch};

#[derive(Pooled)]
struct Order(u64);

static BEST: PoolAtomic<Order> = PoolAtomic::null();

fn dropped() {
    let guard = epoch::pin();
    let best = BEST.load(&guard);
    drop(guard);
    println!("{}", best.is_some());
}

fn repinned() {
    let mut guard = epoch::pin();
    let best = BEST.load(&guard);
    guard.repin();
    println!("{}", best.is_some());
}

fn escapes<'a>() -> Option<&'a Order> {
    let guard = epoch::pin();
    BEST.load(&guard)
}

fn of_a_temporary() {
    let best = BEST.load(&epoch::pin());
    println!("{}", best.is_some());
}

fn swapped() {
    let guard = epoch::pin();
    let old = BEST.swap(PoolBox::new(Order(1)), &guard);
    drop(guard);
    println!("{}", old.is_some());
}

fn main() {}
