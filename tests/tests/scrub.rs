//! Freed memory is overwritten, on every way that an object takes out of its slot.

use pool::{NumaPolicy, OnFull, Pool, PoolBox, PoolConfig, Pooled};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

#[derive(Clone, Debug, PartialEq, Pooled)]
#[pool(capacity = 1, scrub)]
struct Secret([u8; 100]);

const KEY: Secret = Secret([0xA5; 100]);

/// The bytes that the next owner finds in the one slot that there is.
fn found() -> Vec<u8> {
    let next = PoolBox::<Secret>::new_uninit();
    let bytes = next.as_ptr().cast::<u8>();
    // SAFETY: the slot was written to, and scrubbed: its bytes are initialised.
    unsafe { slice::from_raw_parts(bytes, 100) }.to_vec()
}

/// One test, for there is one slot.
#[test]
fn nothing_of_a_value_is_left_for_the_next_owner() {
    drop(PoolBox::new(KEY));
    assert_eq!(found(), [0; 100]);
    assert_eq!(PoolBox::into_inner(PoolBox::new(KEY)), KEY);
    assert_eq!(found(), [0; 100]);
    drop(PoolBox::write(PoolBox::<Secret>::new_uninit(), KEY));
    assert_eq!(found(), [0; 100]);
    let mut uninit = PoolBox::<Secret>::new_uninit();
    uninit.write(KEY);
    drop(uninit);
    assert_eq!(found(), [0; 100]);
    drop(Secret::pool().alloc(KEY));
    assert_eq!(found(), [0; 100]);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _boxed = PoolBox::new(KEY);
        panic!("as asked");
    }));
    assert!(panic.is_err());
    assert_eq!(found(), [0; 100]);
    // Not otherwise: what is not scrubbed is still there, which shows that the test can see it.
    assert_eq!(left_by_a_plain_type(), [0xA5; 100]);
}

fn left_by_a_plain_type() -> Vec<u8> {
    #[derive(Pooled)]
    #[pool(capacity = 1)]
    struct Plain(#[expect(dead_code, reason = "read as bytes")] [u8; 100]);

    drop(PoolBox::new(Plain([0xA5; 100])));
    let next = PoolBox::<Plain>::new_uninit();
    // SAFETY: the slot was written to just above.
    unsafe { slice::from_raw_parts(next.as_ptr().cast::<u8>(), 100) }.to_vec()
}

#[test]
fn a_pool_that_is_a_value_is_scrubbed_if_it_is_asked_to_be() {
    let config = PoolConfig::new().capacity(1).scrub(true);
    let pool = Pool::<MaybeUninit<[u8; 100]>>::with_config(config).unwrap();
    drop(pool.alloc(MaybeUninit::new([0xA5; 100])));
    let mut next = pool.alloc(MaybeUninit::new([1; 100]));
    let at = next.as_mut_ptr().cast::<u8>();
    drop(next);
    // SAFETY: the region is there as long as the pool, and the slot's bytes are zeros.
    let bytes = unsafe { slice::from_raw_parts(at, 100) };
    assert_eq!(bytes, [0; 100]);
}

#[test]
fn what_attributes_do_not_say_cannot_be_configured() {
    #[derive(Pooled)]
    struct Plain(#[expect(dead_code, reason = "no object is made")] u8);

    let wrong = [
        (PoolConfig::new().scrub(true), "#[pool(scrub)]"),
        (
            PoolConfig::new().on_full(OnFull::Heap),
            "#[pool(on_full = \"heap\")]",
        ),
        (
            PoolConfig::new().on_full(OnFull::Wait),
            "#[pool(on_full = \"wait\")]",
        ),
    ];
    for (config, attribute) in wrong {
        let error = Plain::pool().init(config).unwrap_err();
        assert!(error.to_string().contains(attribute), "{error}");
    }
    for on_full in [OnFull::Heap, OnFull::Wait] {
        let config = PoolConfig::new()
            .numa(NumaPolicy::LocalOnly)
            .on_full(on_full);
        let error = Pool::<u8>::with_config(config).unwrap_err().to_string();
        assert!(
            error.contains("`local_only`") && error.contains(on_full.name()),
            "{error}"
        );
    }
    // What they say may be left out; a scrubbed type is scrubbed all the same.
    #[derive(Pooled)]
    #[pool(scrub, on_full = "heap")]
    struct Both(#[expect(dead_code, reason = "only its place counts")] u8);

    assert!(Both::pool().config() == PoolConfig::new().scrub(true).on_full(OnFull::Heap));
    let config = PoolConfig::new().capacity(1).on_full(OnFull::Error);
    Both::pool().init(config).unwrap();
    let first = PoolBox::new(Both(1));
    assert!(PoolBox::try_new(Both(2)).is_err(), "init chose an error");
    drop(first);
}
