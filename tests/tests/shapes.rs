//! Types of every size and alignment.

use pool::{Pool, PoolBox, PoolConfig, Pooled};
use std::collections::HashSet;
use tests::scaled;

/// Takes `count` objects of a type and looks at their addresses: all different, none overlapping,
/// each aligned.
fn addresses<T: Pooled>(count: usize, make: impl Fn() -> T) {
    let boxes: Vec<_> = (0..count).map(|_| PoolBox::new(make())).collect();
    let mut starts: Vec<_> = boxes.iter().map(|b| PoolBox::as_ptr(b).addr()).collect();
    starts.sort_unstable();
    let apart = size_of::<T>().max(1);
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= apart));
    assert!(
        starts
            .iter()
            .all(|start| start.is_multiple_of(align_of::<T>()))
    );
    assert_eq!(T::pool().len(), count);
}

#[derive(Pooled)]
#[pool(capacity = 1000)]
struct Nothing;

#[derive(Pooled)]
#[pool(capacity = 10)]
#[repr(align(4096))]
struct NothingWide;

#[derive(Pooled)]
#[pool(capacity = 1000)]
struct Byte(u8);

#[derive(Pooled)]
#[pool(capacity = 100)]
#[repr(align(4096))]
struct Page([u8; 5000]);

#[derive(Pooled)]
#[pool(capacity = 4)]
#[repr(align(65536))]
struct Wide(u8);

#[derive(Pooled)]
#[pool(capacity = 4)]
struct Large([u8; 1 << 16]);

#[derive(Pooled)]
#[pool(capacity = 100, cache_line)]
struct Lonely(u8);

#[derive(Pooled)]
#[pool(capacity = 100)]
enum Event {
    Tick,
    Trade { price: i64 },
}

#[test]
fn every_shape_has_places_of_its_own() {
    addresses(scaled(1000, 20), || Nothing);
    addresses(10, || NothingWide);
    addresses(scaled(1000, 20), || Byte(7));
    addresses(scaled(100, 5), || Page([7; 5000]));
    addresses(4, || Wide(7));
    addresses(scaled(4, 1), || Large([7; 1 << 16]));
    addresses(scaled(100, 20), || Event::Tick);
    assert_eq!(Byte(3).0 + PoolBox::new(Byte(4)).0, 7);
    assert_eq!(PoolBox::new(Page([9; 5000])).0[4999], 9);
    assert_eq!(PoolBox::new(Wide(5)).0, 5);
    assert!(
        PoolBox::new_with(|| Large([1; 1 << 16]))
            .0
            .iter()
            .all(|&byte| byte == 1)
    );
    let trade = PoolBox::new(Event::Trade { price: 5 });
    assert!(matches!(*trade, Event::Trade { price: 5 }));
}

#[test]
fn cache_line_keeps_objects_apart() {
    let boxes: Vec<_> = (0..100).map(|n| PoolBox::new(Lonely(n))).collect();
    let line = |b: &PoolBox<Lonely>| PoolBox::as_ptr(b).addr() / 64;
    let lines: HashSet<_> = boxes.iter().map(line).collect();
    assert_eq!(lines.len(), boxes.len());
    assert_eq!(boxes.iter().map(|b| u32::from(b.0)).sum::<u32>(), 4950);
}

#[test]
fn zero_sized_values_are_counted_as_others_are() {
    #[derive(Debug, PartialEq, Pooled)]
    #[pool(capacity = 2)]
    struct Token;

    let both = [PoolBox::new(Token), PoolBox::new(Token)];
    assert_eq!(PoolBox::try_new(Token).unwrap_err().into_inner(), Token);
    drop(both);
}

#[test]
fn a_pool_that_is_a_value_may_hold_borrowed_data() {
    let names = ["AAPL".to_owned(), "MSFT".to_owned()];
    let pool = Pool::<&str>::with_config(PoolConfig::new().capacity(2)).unwrap();
    let boxes = [pool.alloc(&names[0]), pool.alloc(&names[1])];
    assert_eq!((*boxes[0], *boxes[1]), ("AAPL", "MSFT"));
}

#[test]
fn constants_of_all_kinds_are_capacities() {
    const SEATS: usize = 6;
    const fn double(n: usize) -> usize {
        n * 2
    }

    #[derive(Pooled)]
    #[pool(capacity = { let n = double(SEATS); n + size_of::<(u8, u16)>() }, magazine = 1 << 1)]
    struct Seat;

    assert_eq!(
        (Seat::pool().capacity(), Seat::pool().stats().magazine),
        (16, 2)
    );
    drop(PoolBox::new(Seat));
    assert_eq!(
        (Seat::pool().capacity(), Seat::pool().stats().magazine),
        (16, 2)
    );
}
