//! Scopes of types that ask for more than the plain, and of pools on several nodes.

use pool::numa::{Topology, pretend_node};
use pool::{NumaPolicy, OnFull, Pool, PoolArc, PoolBox, PoolConfig, PoolWeak, Pooled, Recycle};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use tests::{Census, Member, join_all};

#[derive(Default, Pooled)]
#[pool(capacity = 10, magazine = 2, recycle)]
struct Reply {
    body: Option<Member>,
}

impl Recycle for Reply {
    fn recycle(&mut self) {}
}

#[test]
fn parked_objects_are_dropped_for_those_of_a_scope() {
    let census = Census::new();
    let new = || Reply {
        body: Some(census.member()),
    };
    drop((0..10).map(|_| PoolBox::new(new())).collect::<Vec<_>>());
    assert_eq!((census.alive(), Reply::pool().len()), (10, 0), "parked");
    Reply::pool().scope(|s| {
        for _ in 0..10 {
            s.alloc(new()).unwrap();
        }
        assert!(s.alloc_with(new).is_err());
        assert_eq!((census.alive(), Reply::pool().len()), (10, 10));
    });
    assert_eq!(
        (census.alive(), Reply::pool().len()),
        (0, 0),
        "and are not parked"
    );
    assert!(Reply::pool().take().body.is_none());
    Reply::pool().trim();
}

#[derive(Pooled)]
#[pool(capacity = 8, magazine = 2, shared)]
struct Session(u32);

#[test]
fn keys_of_what_was_there_before_find_nothing() {
    let shared: Vec<_> = (0..8).map(|n| PoolArc::new(Session(n))).collect();
    let keys: Vec<PoolWeak<Session>> = shared.iter().map(PoolArc::downgrade).collect();
    drop(shared);
    Session::pool().scope(|s| {
        for n in 0..8 {
            assert_eq!(s.alloc(Session(n)).unwrap().0, n);
        }
        assert!(keys.iter().all(|key| key.upgrade().is_none()));
        assert!(PoolBox::try_new(Session(8)).is_err());
    });
    let shared = PoolArc::new(Session(9));
    assert_eq!(PoolArc::downgrade(&shared).upgrade().unwrap().0, 9);
    assert_eq!(Session::pool().len(), 1);
}

#[test]
fn what_was_in_a_scope_is_scrubbed() {
    #[derive(Pooled)]
    #[pool(capacity = 6, magazine = 2, scrub)]
    struct Secret([u8; 40]);

    Secret::pool().scope(|s| {
        (0..6).for_each(|_| {
            let _ = s.alloc(Secret([0xA5; 40])).unwrap();
        })
    });
    Secret::pool().scope(|s| assert_eq!(s.alloc(Secret([1; 40])).unwrap().0, [1; 40]));
    for boxed in [(); 6].map(|()| PoolBox::<Secret>::new_uninit()) {
        let bytes = boxed.as_ptr().cast::<[u8; 40]>();
        // SAFETY: the slot was written to, and scrubbed: its bytes are initialised.
        assert_eq!(unsafe { bytes.read() }, [0; 40]);
    }
}

#[test]
fn beyond_the_capacity_is_the_heap() {
    let census = Census::new();
    let config = PoolConfig::new()
        .capacity(5)
        .magazine(2)
        .on_full(OnFull::Heap);
    let pool = Pool::<(u64, Member)>::with_config(config).unwrap();
    pool.scope(|s| {
        for n in 0..20 {
            assert_eq!(s.alloc((n, census.member())).unwrap().0, n);
        }
        assert_eq!((s.len(), pool.len(), pool.stats().heap), (20, 20, 15));
    });
    assert_eq!((census.alive(), pool.len(), pool.stats().heap), (0, 0, 0));
}

#[derive(Debug, Pooled)]
#[pool(capacity = 4, magazine = 2, on_full = "wait")]
struct Frame(u32);

#[test]
fn who_waits_is_served_at_the_end() {
    thread::scope(|threads| {
        let waiting = Frame::pool().scope(|s| {
            while s.alloc(Frame(7)).is_ok() {}
            let wait = || PoolBox::new_timeout(Frame(1), Duration::MAX).unwrap().0;
            let waiting = threads.spawn(wait);
            // Its cache is room for more, which it may have.
            while Frame::pool().stats().waiting == 0 && !waiting.is_finished() {
                let _ = s.alloc(Frame(7));
                thread::yield_now();
            }
            waiting
        });
        assert_eq!(join_all(vec![waiting]), [1]);
    });
    assert_eq!(Frame::pool().len(), 0);
}

fn machine() -> &'static Topology {
    static MACHINE: OnceLock<Topology> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let builder = Topology::builder();
        let builder = builder.node(0, vec![0], 1 << 30).node(2, vec![1], 1 << 30);
        builder.distance(0, 2, 20).build().unwrap()
    })
}

fn on<T: Send>(node: u32, f: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let body = move || {
            pretend_node(Some(node));
            f()
        };
        join_all(vec![scope.spawn(body)]).remove(0)
    })
}

#[test]
fn slots_go_home_from_a_scope() {
    for numa in [
        NumaPolicy::Preferred,
        NumaPolicy::Interleaved,
        NumaPolicy::Adaptive,
        NumaPolicy::LocalOnly,
    ] {
        let config = PoolConfig::new().capacity(120).magazine(4).numa(numa);
        let pool = Pool::<u64>::with_config(config.topology(machine())).unwrap();
        for round in 0..4 {
            // What is in the cache of the thread with the scope is of both nodes.
            let others = on(2 - 2 * (round % 2), || {
                (0..7).map(|n| pool.alloc(n)).collect::<Vec<_>>()
            });
            on(round % 2 * 2, || {
                let mine: Vec<_> = (0..6).map(|n| pool.alloc(n)).collect();
                drop((others, mine));
                pool.scope(|s| {
                    for n in 0..60 {
                        let object = s.alloc(n).unwrap();
                        if numa == NumaPolicy::LocalOnly {
                            assert_eq!(pool.node_of(object), Some(round % 2 * 2));
                        }
                        if n == 30 {
                            drop((0..9).map(|n| pool.alloc(n)).collect::<Vec<_>>());
                            // The thread is another node's from here on.
                            if numa != NumaPolicy::LocalOnly {
                                pretend_node(Some(2 - round % 2 * 2));
                            }
                        }
                    }
                    assert_eq!(pool.len(), 60);
                });
            });
            assert_eq!(pool.len(), 0, "{numa:?}");
        }
        for node in [0, 2] {
            let count = on(node, || {
                pool.scope(|s| std::iter::from_fn(|| s.alloc(1).ok()).count())
            });
            assert_eq!(count, 120, "{numa:?}");
        }
        pool.trim();
        assert!(on(0, || pool.scope(|s| s.alloc(1).is_ok())));
    }
}
