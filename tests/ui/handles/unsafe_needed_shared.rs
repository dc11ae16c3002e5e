use pool::{PoolArc, PoolAtomic, PoolBox, Pooled, epoch};

#[derive(Pooled)]
#[pool(shared)]
struct Order(u64);

fn main() {
    let raw = PoolArc::into_raw(PoolArc::new(Order(1)));
    let _arc: PoolArc<Order> = PoolArc::from_raw(raw);

    let guard = epoch::pin();
    let raw = PoolBox::into_raw(PoolBox::new(Order(1)));
    let atomic = PoolAtomic::<Order>::null();
    let _ = atomic.compare_exchange_ptr(std::ptr::null_mut(), raw, &guard);
}
