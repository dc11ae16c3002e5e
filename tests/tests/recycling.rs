//! Objects that stay in their slots between two owners.

use pool::{Pool, PoolBox, PoolConfig, Pooled, Recycle};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

/// Counts what happens to its kind.
macro_rules! counted {
    ($name:ident, $made:ident, $recycled:ident, $dropped:ident, $($attributes:tt)*) => {
        static $made: AtomicUsize = AtomicUsize::new(0);
        static $recycled: AtomicUsize = AtomicUsize::new(0);
        static $dropped: AtomicUsize = AtomicUsize::new(0);

        #[derive(Pooled)]
        #[pool(recycle, $($attributes)*)]
        struct $name {
            body: Vec<u8>,
        }

        impl Default for $name {
            fn default() -> Self {
                $made.fetch_add(1, SeqCst);
                Self { body: Vec::new() }
            }
        }

        impl Recycle for $name {
            fn recycle(&mut self) {
                $recycled.fetch_add(1, SeqCst);
                assert!(self.body != b"panic", "as asked");
                self.body.clear();
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                $dropped.fetch_add(1, SeqCst);
            }
        }

        #[allow(dead_code)]
        fn counts() -> [usize; 3] {
            [&$made, &$recycled, &$dropped].map(|count| count.load(SeqCst))
        }
    };
}

#[test]
fn the_next_owner_gets_the_object_as_it_was_left() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 4, magazine = 1);
    let mut first = Buffer::pool().take();
    first.body.extend_from_slice(&[7; 1000]);
    let body = first.body.as_ptr();
    drop(first);
    assert_eq!(counts(), [1, 1, 0]);
    let again = Buffer::pool().take();
    assert!(again.body.is_empty() && again.body.capacity() >= 1000);
    assert_eq!(again.body.as_ptr(), body, "the vector is the same");
    assert_eq!(counts(), [1, 1, 0]);
    drop(again);
    assert_eq!(Buffer::pool().len(), 0, "what is parked is not live");
    assert_eq!(Buffer::pool().stats().live, 0);
    drop(PoolBox::<Buffer>::new_uninit()); // Nothing is left for a leak checker to wonder at.
    assert_eq!(counts(), [1, 2, 1]);
}

#[test]
fn a_panic_in_recycle_discards_the_object() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 1);
    let mut first = Buffer::pool().take();
    first.body = b"panic".to_vec();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(first))).is_err());
    assert_eq!(counts(), [1, 1, 1]);
    let second = Buffer::pool().take();
    assert!(second.body.is_empty());
    assert_eq!(
        counts(),
        [2, 1, 1],
        "made anew, in the one slot that there is"
    );
}

#[test]
fn what_a_thread_drops_as_it_unwinds_is_discarded() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 1);
    let unwound = catch_unwind(|| {
        let mut buffer = Buffer::pool().take();
        buffer.body = b"half".to_vec();
        panic!("as asked");
    });
    assert!(unwound.is_err());
    assert_eq!(counts(), [1, 0, 1]);
    drop(Buffer::pool().take());
    assert_eq!(counts(), [2, 1, 1]);
}

#[test]
fn a_value_replaces_a_parked_object() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 1);
    drop(Buffer::pool().take());
    let body = b"new".to_vec();
    let boxed = PoolBox::new(Buffer { body });
    assert_eq!(counts(), [1, 1, 1], "the parked one was dropped");
    assert_eq!(PoolBox::into_inner(boxed).body, b"new");
    assert_eq!(counts(), [1, 1, 2], "moved out, and dropped here");
    drop(Buffer::pool().take());
    assert_eq!(counts(), [2, 2, 2], "nothing was parked");
    let uninit = PoolBox::<Buffer>::new_uninit();
    assert_eq!(counts(), [2, 2, 3]);
    drop(uninit);
    drop(Buffer::pool().take());
    drop(PoolBox::new(MaybeUninit::<Buffer>::uninit()));
    assert_eq!(counts(), [3, 3, 4], "also by a handle that drops nothing");
    drop(PoolBox::<Buffer>::new_with(Buffer::default));
    assert_eq!(counts(), [4, 4, 4]);
    drop(Buffer::pool().alloc(Buffer { body: Vec::new() }));
    assert_eq!(
        counts(),
        [4, 4, 6],
        "a borrowing owner drops, and recycles nothing"
    );
}

#[test]
fn trim_drops_what_is_parked() {
    counted!(
        Buffer,
        MADE,
        RECYCLED,
        DROPPED,
        capacity = 100,
        magazine = 4
    );
    let all: Vec<_> = (0..100).map(|_| Buffer::pool().take()).collect();
    drop(all);
    assert_eq!(counts(), [100, 100, 0]);
    Buffer::pool().trim();
    let dropped = counts()[2];
    assert!(
        (92..=100).contains(&dropped),
        "all but two magazines: {dropped}"
    );
    let all: Vec<_> = (0..100).map(|_| Buffer::pool().take()).collect();
    assert_eq!(counts()[0], 100 + dropped, "just those are made anew");
    drop(all);
}

#[test]
fn a_destructor_that_panics_in_a_trim_keeps_no_other_from_running() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    static RUDE: AtomicBool = AtomicBool::new(true);
    #[derive(Default, Pooled)]
    #[pool(recycle, capacity = 40, magazine = 2)]
    struct Rude;
    impl Recycle for Rude {
        fn recycle(&mut self) {}
    }
    impl Drop for Rude {
        fn drop(&mut self) {
            let dropped = DROPPED.fetch_add(1, SeqCst);
            if RUDE.load(SeqCst) {
                // A destructor may use the pool, also while it is trimmed.
                drop(Rude::pool().take());
                assert!(!dropped.is_multiple_of(3), "as asked");
            }
        }
    }
    let all: Vec<_> = (0..40).map(|_| Rude::pool().take()).collect();
    drop(all);
    assert!(catch_unwind(|| Rude::pool().trim()).is_err());
    assert!(DROPPED.load(SeqCst) >= 36);
    assert_eq!(Rude::pool().len(), 0);
    let all: Vec<_> = (0..40).map(|_| Rude::pool().try_take()).collect();
    assert!(all.iter().all(Result::is_ok), "no slot was lost");
    assert!(Rude::pool().try_take().is_err());
    RUDE.store(false, SeqCst);
}

#[test]
fn a_default_that_panics_gives_the_slot_back() {
    std::thread_local! { static FAILS: Cell<bool> = const { Cell::new(true) } }
    #[derive(Pooled)]
    #[pool(recycle, capacity = 1)]
    struct Late;
    impl Default for Late {
        fn default() -> Self {
            assert!(!FAILS.get(), "as asked");
            Self
        }
    }
    impl Recycle for Late {
        fn recycle(&mut self) {}
    }
    assert!(catch_unwind(|| Late::pool().take()).is_err());
    FAILS.set(false);
    assert!(Late::pool().try_take().is_ok());
}

#[test]
fn objects_go_from_thread_to_thread() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 64, magazine = 2);
    let rounds = if cfg!(miri) { 4 } else { 200 };
    let threads: Vec<_> = (0..3)
        .map(|id| {
            thread::spawn(move || {
                for round in 0..rounds {
                    let mut buffers: Vec<_> = (0..8).map(|_| Buffer::pool().take()).collect();
                    for buffer in &mut buffers {
                        assert!(buffer.body.is_empty());
                        buffer.body.extend_from_slice(&[id, round as u8]);
                    }
                    assert!(buffers.iter().all(|b| b.body == [id, round as u8]));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    Buffer::pool().trim();
    let [made, recycled, dropped] = counts();
    assert_eq!(recycled, 3 * 8 * rounds);
    assert_eq!(
        made, dropped,
        "all threads have ended, and handed over what they had"
    );
    assert!(made <= 64);
}

#[test]
fn a_full_pool_has_none_to_take() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 1);
    let first = Buffer::pool().take();
    let full = Buffer::pool().try_take().map(drop).unwrap_err();
    assert_eq!(full.capacity(), Some(1));
    drop(first);
}

#[test]
fn on_the_heap_nothing_is_parked() {
    counted!(
        Buffer,
        MADE,
        RECYCLED,
        DROPPED,
        capacity = 1,
        on_full = "heap"
    );
    let first = Buffer::pool().take();
    let second = Buffer::pool().take();
    assert_eq!(Buffer::pool().stats().heap, 1);
    drop(second);
    assert_eq!(counts(), [2, 0, 1]);
    drop(first);
    assert_eq!(counts(), [2, 1, 1]);
}

#[test]
fn only_a_types_own_pool_has_objects_to_take() {
    counted!(Buffer, MADE, RECYCLED, DROPPED, capacity = 1);
    let value = Pool::<Buffer>::with_config(PoolConfig::new().capacity(1)).unwrap();
    let refused = catch_unwind(AssertUnwindSafe(|| value.take()));
    let said = *refused.map(drop).unwrap_err().downcast::<&str>().unwrap();
    assert!(said.contains("type's own pool"), "{said}");
}

#[test]
fn zero_sized_and_over_aligned_objects_are_recycled() {
    #[derive(Default, Pooled)]
    #[pool(recycle, capacity = 8)]
    struct Nothing;
    impl Recycle for Nothing {
        fn recycle(&mut self) {}
    }
    #[derive(Default, Pooled)]
    #[pool(recycle, capacity = 8)]
    #[repr(align(128))]
    struct Wide(u64);
    impl Recycle for Wide {
        fn recycle(&mut self) {
            self.0 += 1;
        }
    }
    let nothings: Vec<_> = (0..8).map(|_| Nothing::pool().take()).collect();
    drop(nothings);
    drop(Wide::pool().take());
    let wide = Wide::pool().take();
    assert_eq!(wide.0, 1);
    assert_eq!(PoolBox::as_ptr(&wide).addr() % 128, 0);
}
