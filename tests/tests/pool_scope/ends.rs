//! How scopes end: in which order, and by panics.

use crate::{MAGAZINE, pool};
use pool::{Pool, PoolConfig, Pooled};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tests::Census;

std::thread_local! {
    static DROPPED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Notes its end, and panics if it is to.
#[derive(Debug)]
struct Noted(u32, bool);

impl Drop for Noted {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
        assert!(!self.1, "{} is dropped", self.0);
    }
}

/// Those that were dropped since it was last asked.
fn dropped() -> Vec<u32> {
    DROPPED.take()
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(said) => said,
        None => panic.downcast_ref::<&str>().expect("a message"),
    }
}

fn pools() -> [Pool<Noted>; 2] {
    // Whole magazines, and slot by slot.
    let config = PoolConfig::new().capacity(100).magazine(MAGAZINE as u32);
    [config, config.scrub(true)].map(|config| Pool::with_config(config).unwrap())
}

#[test]
fn the_newest_is_dropped_first() {
    for pool in pools() {
        for count in [0, 1, 3, 4, 5, 31] {
            pool.scope(|s| {
                (0..count).for_each(|n| {
                    let _ = s.alloc(Noted(n, false)).unwrap();
                });
                assert_eq!(dropped(), []);
            });
            assert!(dropped().into_iter().eq((0..count).rev()));
        }
    }
}

#[test]
fn a_panic_in_a_scope_ends_it() {
    for pool in pools() {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                for n in 0..10 {
                    s.alloc(Noted(n, n == 3)).unwrap();
                }
                pool.scope(|s| {
                    s.alloc(Noted(10, true)).unwrap();
                    panic!("as asked");
                })
            })
        }));
        assert_eq!(said(&*panic.unwrap_err()), "as asked");
        assert!(dropped().into_iter().eq((0..=10).rev()), "each once");
        assert_eq!(pool.len(), 0);
        assert!(pool.scope(|s| (0..100).all(|n| s.alloc(Noted(n, false)).is_ok())));
        dropped();
    }
}

#[test]
fn a_panic_in_a_destructor_leaves_no_other_out() {
    for pool in pools() {
        let census = Census::new();
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                (0..14).for_each(|n| {
                    let _ = s.alloc(Noted(n, n % 5 == 2)).unwrap();
                });
                census.member()
            })
        }));
        assert_eq!(
            said(&*result.unwrap_err()),
            "12 is dropped",
            "the first goes on"
        );
        assert_eq!(census.alive(), 0, "the result is dropped");
        assert!(dropped().into_iter().eq((0..14).rev()));
        assert_eq!(pool.len(), 0);
        assert!(pool.scope(|s| (0..100).all(|n| s.alloc(Noted(n, false)).is_ok())));
        dropped();
    }
}

#[test]
fn a_constructor_that_panics_leaves_no_object() {
    for pool in pools() {
        for before in [0, 2, 3, 4, 7] {
            for within in [0, 1, 5] {
                pool.scope(|s| {
                    (0..before).for_each(|n| {
                        let _ = s.alloc(Noted(n, false)).unwrap();
                    });
                    let panic = catch_unwind(AssertUnwindSafe(|| {
                        {
                            let _ = s.alloc_with(|| {
                                // The slot of the one that is being built is among theirs.
                                for n in 0..within {
                                    s.alloc_with(|| Noted(before + n, false)).unwrap();
                                }
                                panic!("as asked")
                            });
                        };
                    }));
                    assert_eq!(said(&*panic.unwrap_err()), "as asked");
                    assert_eq!(s.len(), (before + within) as usize);
                    assert_eq!(pool.len(), s.len());
                    s.alloc(Noted(before + within, false)).unwrap();
                });
                assert!(dropped().into_iter().eq((0..=before + within).rev()));
                assert_eq!(pool.len(), 0);
            }
        }
        assert!(pool.scope(|s| (0..100).all(|n| s.alloc(Noted(n, false)).is_ok())));
        assert!(pool.stats().live == 0);
        dropped();
    }
}

#[test]
fn objects_without_destructors_are_built_in_panics_too() {
    let pool = pool::<u64>(9);
    pool.scope(|s| {
        for _ in 0..20 {
            let panic = catch_unwind(AssertUnwindSafe(|| {
                let _ = s.alloc_with(|| panic!("as asked"));
            }));
            assert!(panic.is_err());
        }
        assert_eq!((s.len(), pool.len()), (0, 0));
        assert!((0..9).all(|n| s.alloc(n).is_ok()));
        assert!(s.alloc(9).is_err());
    });
    assert!(pool.is_empty());
}

/// Its destructor uses its own pool in every way.
#[derive(Debug, Pooled)]
#[pool(capacity = 60, magazine = 3)]
struct Busy(u32);

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0 == 0 {
            return;
        }
        let boxed = pool::PoolBox::try_new(Busy(0));
        Busy::pool().scope(|s| {
            for _ in 0..4 {
                let _ = s.alloc(Busy(self.0 - 1));
            }
            let _ = s.alloc_with(|| Busy(0));
        });
        drop(boxed);
    }
}

#[test]
fn a_destructor_may_use_the_pool() {
    Busy::pool().scope(|s| {
        for n in 0..7 {
            s.alloc(Busy(n % 3)).unwrap();
        }
        let nested = s.alloc_with(|| {
            s.alloc(Busy(1)).unwrap();
            Busy::pool().scope(|s| {
                let _ = s.alloc(Busy(2)).unwrap();
            });
            Busy(1)
        });
        assert_eq!(nested.unwrap().0, 1);
        assert_eq!(s.len(), 9);
    });
    assert_eq!(Busy::pool().len(), 0);
    Busy::pool().scope(|s| assert!((0..60).all(|_| s.alloc(Busy(0)).is_ok())));
}
