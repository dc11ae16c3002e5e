//! Pools on machines with several nodes, which are made up: threads say where they run. What the
//! kernel makes of it is the test `numa`'s affair.

use pool::numa::{Topology, pretend_node};
use pool::{
    NumaPolicy, OnFull, Pool, PoolArc, PoolBox, PoolConfig, PoolWeak, Pooled, Recycle, ScopedBox,
};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::{Barrier, OnceLock, mpsc};
use std::thread;
use tests::{join_all, scaled};

const MAGAZINE: usize = 4;

type Order = [u64; 8];

/// Ids with holes.
const FOUR: [u32; 4] = [0, 2, 3, 7];

/// Nodes in a row: the further apart, the further away. The last is without processors.
fn machine() -> &'static Topology {
    static MACHINE: OnceLock<Topology> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let mut builder = Topology::builder();
        for (n, &id) in FOUR.iter().enumerate() {
            let cpus = if n == 3 { vec![] } else { vec![n as u32] };
            builder = builder.node(id, cpus, 1 << 30);
            for (m, &other) in FOUR[..n].iter().enumerate() {
                builder = builder.distance(other, id, 10 + 10 * (n - m) as u32);
            }
        }
        builder.build().unwrap()
    })
}

fn config(capacity: usize, policy: NumaPolicy) -> PoolConfig {
    PoolConfig::new()
        .capacity(capacity)
        .magazine(MAGAZINE as u32)
        .numa(policy)
        .topology(machine())
}

fn pool(capacity: usize, policy: NumaPolicy) -> Pool<Order> {
    Pool::with_config(config(capacity, policy)).unwrap()
}

/// Runs `f` on a thread of a node, to the end of its thread-locals.
fn on<T: Send>(node: u32, f: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let body = move || {
            pretend_node(Some(node));
            f()
        };
        join_all(vec![scope.spawn(body)]).remove(0)
    })
}

fn allocate<'a>(pool: &'a Pool<Order>, count: usize) -> Vec<ScopedBox<'a, Order>> {
    (0..count as u64).map(|n| pool.alloc([n; 8])).collect()
}

/// How many objects are on each node.
fn census(pool: &Pool<Order>, boxes: &[ScopedBox<'_, Order>]) -> HashMap<u32, usize> {
    let mut census = HashMap::new();
    for order in boxes {
        *census.entry(pool.node_of(order).unwrap()).or_default() += 1;
    }
    census
}

/// Fills the pool from a node, which alone uses it, and says how many objects were on each node.
fn fill(pool: &Pool<Order>, node: u32) -> HashMap<u32, usize> {
    on(node, || {
        let boxes = allocate(pool, pool.capacity());
        assert!(pool.try_alloc([0; 8]).is_err(), "all are live");
        census(pool, &boxes)
    })
}

#[test]
fn preferred_serves_from_the_threads_own_node() {
    let pool = pool(400, NumaPolicy::Preferred);
    let mut kept = Vec::new();
    for node in [0, 2, 3] {
        let boxes = on(node, || allocate(&pool, 100));
        assert_eq!(census(&pool, &boxes), HashMap::from([(node, 100)]));
        kept.push(boxes);
    }
    // Nobody runs on the node without processors; if somebody did, it would be served there.
    let boxes = on(7, || allocate(&pool, 50));
    assert_eq!(census(&pool, &boxes), HashMap::from([(7, 50)]));
}

#[test]
fn preferred_holds_its_capacity_wherever_the_slots_are() {
    let count = scaled(4000, 200);
    let pool = pool(count, NumaPolicy::Preferred);
    // All slots get memory on the last node, and come free there.
    assert_eq!(fill(&pool, 3), HashMap::from([(3, count)]));
    fill(&pool, 0);
    for node in FOUR.repeat(3) {
        fill(&pool, node);
    }
    // A room of three magazines for each of 1,040 caches; and the ends of pages.
    let most = (count + 3 * MAGAZINE * 1040) * size_of::<Order>() + 4 * 4096;
    let committed = pool.stats().bytes_committed;
    assert!(
        committed <= most,
        "{committed} bytes are in use, not {most}"
    );
}

/// With memory taken beforehand a node goes on with its neighbours' share, by distance.
#[test]
fn what_was_taken_beforehand_is_used_by_distance() {
    let config = config(300, NumaPolicy::Preferred).prefault(true);
    let pool = Pool::<Order>::with_config(config).unwrap();
    // Three nodes have processors, and so a share.
    assert_eq!(
        fill(&pool, 2),
        HashMap::from([(0, 100), (2, 100), (3, 100)])
    );
    let boxes = on(0, || allocate(&pool, 300));
    let nodes: Vec<_> = boxes
        .iter()
        .map(|order| pool.node_of(order).unwrap())
        .collect();
    assert!(nodes.is_sorted(), "nearest first: {nodes:?}");
    on(0, || drop(boxes));
}

type Orders<'a> = Vec<ScopedBox<'a, Order>>;

/// A thread of a node: it frees what another one made, and makes its own.
fn local_side<'a>(
    pool: &'a Pool<Order>,
    node: u32,
    send: mpsc::Sender<Orders<'a>>,
    receive: mpsc::Receiver<Orders<'a>>,
) -> impl FnOnce() + Send + 'a {
    move || {
        pretend_node(Some(node));
        for round in 0..scaled(50, 5) {
            let boxes = allocate(pool, 1 + round * 3 % 90);
            assert!(boxes.iter().all(|order| pool.node_of(order) == Some(node)));
            send.send(boxes).unwrap();
            let foreign = receive.recv().unwrap();
            assert!(
                foreign
                    .iter()
                    .all(|order| pool.node_of(order) != Some(node))
            );
            drop(foreign);
        }
    }
}

#[test]
fn local_only_never_serves_from_another_node() {
    let pool = pool(1000, NumaPolicy::LocalOnly);
    thread::scope(|scope| {
        let (to_zero, at_zero) = mpsc::channel();
        let (to_two, at_two) = mpsc::channel();
        join_all(vec![
            scope.spawn(local_side(&pool, 0, to_two, at_zero)),
            scope.spawn(local_side(&pool, 2, to_zero, at_two)),
        ]);
    });
    assert_eq!(pool.len(), 0);
    let stats = pool.stats();
    assert!(
        stats.nodes[0].frees[1] > 0 && stats.nodes[1].frees[0] > 0,
        "{:?}",
        stats.nodes
    );
    assert_eq!(stats.nodes[0].refills[1], 0);
    // All of the capacity, on each node.
    for node in FOUR {
        assert_eq!(fill(&pool, node), HashMap::from([(node, 1000)]));
    }
}

#[test]
fn local_only_on_a_node_without_memory_is_an_error_that_names_it() {
    static MACHINE: OnceLock<Topology> = OnceLock::new();
    let machine = MACHINE.get_or_init(|| {
        let builder = Topology::builder().node(0, [0], 1 << 30);
        builder.node(5, [1], 0).build().unwrap()
    });
    let config = PoolConfig::new()
        .capacity(10)
        .numa(NumaPolicy::LocalOnly)
        .topology(machine);
    let pool = Pool::<Order>::with_config(config).unwrap();
    let full = on(5, || pool.try_alloc([0; 8]).map(drop).unwrap_err());
    let said = full.to_string();
    assert!(
        said.contains("node 5") && said.contains("local_only"),
        "{said}"
    );
    assert_eq!(full.capacity(), None);
    on(0, || drop(allocate(&pool, 10)));
}

#[test]
fn interleaved_takes_turns() {
    let pool = pool(4000, NumaPolicy::Interleaved);
    let boxes = on(0, || allocate(&pool, 400));
    let census = census(&pool, &boxes);
    assert_eq!(census.len(), 4);
    assert!(census.values().all(|&count| count == 100), "{census:?}");
    on(0, || drop(boxes));
    fill(&pool, 2);
}

/// A slot goes home: what one node allocated and another freed is there for the first again.
#[test]
fn what_is_freed_elsewhere_goes_home() {
    let pool = pool(100_000, NumaPolicy::Preferred);
    let mut seen = HashSet::new();
    for _ in 0..scaled(200, 10) {
        let boxes = on(0, || allocate(&pool, 64));
        seen.extend(
            boxes
                .iter()
                .map(|order| std::ptr::from_ref::<Order>(order).addr()),
        );
        on(3, move || drop(boxes));
    }
    let most = 64 + 4 * MAGAZINE;
    assert!(seen.len() <= most, "{} slots for 64 objects", seen.len());
    let stats = pool.stats();
    assert!(
        stats.nodes[2].frees[0] > 0 && stats.nodes[2].refills[0] == 0,
        "{:?}",
        stats.nodes
    );
}

/// Objects go from a thread of one node to a thread of another, in batches of `batch`.
fn pipe<'a>(pool: &'a Pool<Order>, batches: usize, consumer: impl Fn(usize) -> u32 + Sync) {
    let batch = 4 * MAGAZINE;
    let (send, receive) = mpsc::sync_channel::<(usize, Vec<ScopedBox<'a, Order>>)>(1);
    let turn = Barrier::new(2);
    thread::scope(|scope| {
        let consumer = || {
            for (number, boxes) in receive {
                pretend_node(Some(consumer(number)));
                drop(boxes);
                turn.wait();
            }
        };
        let handle = scope.spawn(consumer);
        pretend_node(Some(0));
        for number in 0..batches {
            send.send((number, allocate(pool, batch))).unwrap();
            turn.wait();
        }
        drop(send);
        join_all(vec![handle]);
    });
    pretend_node(None);
}

#[test]
fn adaptive_serves_from_the_node_of_the_consumer() {
    let pool = pool(10_000, NumaPolicy::Adaptive);
    pipe(&pool, scaled(300, 40), |_| 3);
    let stats = pool.stats();
    assert_eq!(stats.nodes[0].served_by, Some(3), "{stats:?}");
    let moves: Vec<_> = stats
        .decisions
        .iter()
        .map(|d| (d.node, d.from, d.to))
        .collect();
    assert_eq!(moves, [(0, 0, 3)]);
    let boxes = on(0, || allocate(&pool, 40));
    assert_eq!(census(&pool, &boxes), HashMap::from([(3, 40)]));
    drop(boxes);
    // And back, when the consumer comes back.
    pipe(&pool, scaled(600, 80), |_| 0);
    assert_eq!(pool.stats().nodes[0].served_by, Some(0));
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn adaptive_does_not_follow_who_alternates() {
    for period in [1, 3, 10, 40, 150] {
        let pool = pool(10_000, NumaPolicy::Adaptive);
        pipe(&pool, 4000, |n| if n / period % 2 == 0 { 3 } else { 0 });
        let decisions = pool.stats().decisions;
        assert!(decisions.len() <= 7, "{period}: {decisions:?}");
    }
}

#[test]
fn adaptive_leaves_a_node_alone_that_uses_its_own() {
    let pool = pool(10_000, NumaPolicy::Adaptive);
    on(2, || {
        for _ in 0..scaled(500, 50) {
            drop(allocate(&pool, 10 * MAGAZINE));
        }
    });
    let stats = pool.stats();
    assert!(stats.decisions.is_empty());
    assert_eq!(stats.nodes[1].served_by, Some(2));
}

/// What threads free themselves before they end counts, too: most of their objects stay at home.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn adaptive_counts_the_objects_of_short_lived_threads() {
    let pool = &pool(10_000, NumaPolicy::Adaptive);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        let elsewhere = scope.spawn(move || {
            pretend_node(Some(7));
            receive.into_iter().for_each(drop::<ScopedBox<'_, Order>>);
        });
        for _ in 0..1000 {
            on(0, || {
                for n in 0..15 {
                    drop(pool.alloc([n; 8]));
                }
                send.send(pool.alloc([9; 8])).unwrap();
            });
        }
        drop(send);
        join_all(vec![elsewhere]);
    });
    let stats = pool.stats();
    assert!(stats.decisions.is_empty(), "{stats:?}");
    assert!(
        stats.nodes[0].ended[0] > 5 * stats.nodes[0].ended[3],
        "{stats:?}"
    );
}

/// Called, or as an attribute: what is prefaulted counts as memory, and is used first.
#[test]
fn prefaulted_memory_is_within_the_bound() {
    let count = scaled(3000, 60);
    for called in [false, true] {
        let config = config(count, NumaPolicy::Preferred).prefault(!called);
        let pool = Pool::<Order>::with_config(config).unwrap();
        if called && let Err(error) = pool.prefault() {
            eprintln!("skipped: {error}");
            continue;
        }
        let before = pool.stats().bytes_committed;
        let census = fill(&pool, 3);
        assert_eq!(
            census,
            HashMap::from([0, 2, 3].map(|node| (node, count / 3)))
        );
        assert_eq!(pool.stats().bytes_committed, before, "called: {called}");
    }
}

#[test]
fn trim_gives_back_what_is_free_on_every_node() {
    type Page = [u8; 4096];
    let count = scaled(1000, 40);
    for policy in [
        NumaPolicy::Preferred,
        NumaPolicy::LocalOnly,
        NumaPolicy::Interleaved,
    ] {
        let pool = Pool::<Page>::with_config(config(count, policy)).unwrap();
        for _ in 0..3 {
            for node in FOUR {
                on(node, || {
                    drop(
                        (0..count)
                            .map(|_| pool.alloc([1; 4096]))
                            .collect::<Vec<_>>(),
                    )
                });
            }
            let before = pool.stats().bytes_committed;
            let trimmed = pool.trim();
            assert_eq!(pool.stats().bytes_committed, before - trimmed);
            if cfg!(all(target_os = "linux", not(miri))) {
                assert!(
                    trimmed >= before - (2 * MAGAZINE + 4) * 4096 * 4,
                    "{trimmed} of {before}"
                );
            }
            // Twice the capacity on two nodes in turn: the leave for it has come back as well.
            let boxes = on(0, || {
                (0..count)
                    .map(|_| pool.alloc([2; 4096]))
                    .collect::<Vec<_>>()
            });
            assert!(boxes.iter().all(|page| page[4095] == 2));
        }
    }
}

/// What a thread of a node is told to do.
#[derive(Debug, Clone, Copy)]
enum Step {
    Alloc(usize),
    /// Of another thread's objects.
    Free(usize, usize),
    Move(usize),
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_usize..12).prop_map(Step::Alloc),
        6 => (0_usize..3, 1_usize..12).prop_map(|(of, count)| Step::Free(of, count)),
        1 => (0_usize..4).prop_map(Step::Move),
        1 => Just(Step::Trim),
    ]
}

fn policy() -> impl Strategy<Value = NumaPolicy> {
    prop::sample::select(&[
        NumaPolicy::LocalOnly,
        NumaPolicy::Preferred,
        NumaPolicy::Interleaved,
        NumaPolicy::Adaptive,
    ])
}

const CAPACITY: usize = 60;

/// One step of one thread, while the others wait.
type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// The pool against a list of what is live.
fn run(policy: NumaPolicy, prefault: bool, steps: &[(usize, Step)]) {
    let config = config(CAPACITY, policy).prefault(prefault);
    let pool = &Pool::<Order>::with_config(config).unwrap();
    let live: &[_; 3] = &std::array::from_fn(|_| std::sync::Mutex::new(Vec::new()));
    let addresses = &std::sync::Mutex::new(HashSet::new());
    let address = |order: &Order| std::ptr::from_ref(order).addr();
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel();
        let workers: Vec<_> = (0..3)
            .map(|n| {
                let (send, jobs) = mpsc::channel::<Job<'_>>();
                let done = done.clone();
                let handle = scope.spawn(move || {
                    pretend_node(Some(FOUR[n]));
                    for job in jobs {
                        job();
                        done.send(()).unwrap();
                    }
                });
                (send, handle)
            })
            .collect();
        drop(done);
        for &(who, step) in steps {
            let job: Job<'_> = Box::new(move || match step {
                Step::Alloc(count) => {
                    for n in 0..count as u64 {
                        match pool.try_alloc([n; 8]) {
                            Ok(order) => {
                                assert!(addresses.lock().unwrap().insert(address(&order)), "twice");
                                live[who].lock().unwrap().push(order);
                            }
                            Err(_) => {
                                let live = addresses.lock().unwrap().len();
                                assert!(live >= CAPACITY, "full with {live} live");
                            }
                        }
                    }
                }
                Step::Free(of, count) => {
                    let mut live = live[of].lock().unwrap();
                    let rest = live.len().saturating_sub(count);
                    for order in live.drain(rest..) {
                        assert!(addresses.lock().unwrap().remove(&address(&order)));
                    }
                }
                Step::Move(node) => pretend_node(Some(FOUR[node])),
                Step::Trim => {
                    pool.trim();
                }
            });
            workers[who].0.send(job).unwrap();
            wait.recv().expect("a job's assertion failed");
            let count = addresses.lock().unwrap().len();
            assert_eq!(pool.len(), count);
            assert!(count <= CAPACITY + 2 * MAGAZINE * 2, "{count} live");
        }
        let handles = workers.into_iter().map(|(_, handle)| handle).collect();
        join_all(handles);
    });
    on(0, || {
        live.iter().for_each(|live| live.lock().unwrap().clear())
    });
    // Nothing was lost on the way: all of the capacity is there still.
    for node in FOUR {
        let census = fill(pool, node);
        assert!(policy != NumaPolicy::LocalOnly || census.len() == 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(200, 3) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_policy_agrees_with_a_list(
        policy in policy(),
        prefault: bool,
        steps in prop::collection::vec((0_usize..3, step()), 1..scaled(150, 15)),
    ) {
        run(policy, prefault, &steps);
    }
}

/// A key's number names a slot of whatever node; and the heap is no node.
#[test]
fn keys_parked_objects_and_the_heap_on_several_nodes() {
    #[derive(Debug, Default, PartialEq, Pooled)]
    #[pool(shared, recycle)]
    struct Both([u64; 7]);
    impl Recycle for Both {
        fn recycle(&mut self) {
            self.0[1] += 1;
        }
    }
    #[derive(Pooled)]
    #[pool(on_full = "heap")]
    struct Plenty(u64);

    let wanted = config(120, NumaPolicy::Preferred);
    Both::pool().init(wanted).unwrap();
    let arcs: Vec<_> = [0, 2, 3, 7]
        .into_iter()
        .flat_map(|node| {
            on(node, || {
                (0..30).map(|n| (node, n)).map(make).collect::<Vec<_>>()
            })
        })
        .collect();
    fn make((node, n): (u32, u64)) -> (u32, PoolArc<Both>) {
        let mut object = [0; 7];
        object[0] = n + 1000 * u64::from(node);
        (node, PoolArc::new(Both(object)))
    }
    let mut keys = HashSet::new();
    for (node, arc) in &arcs {
        assert_eq!(Both::pool().node_of(arc), Some(*node));
        let key = PoolArc::downgrade(arc);
        assert!(keys.insert(key), "no two objects have one key");
        assert!(PoolArc::ptr_eq(&key.upgrade().unwrap(), arc));
        let same = PoolWeak::<Both>::from_bits(key.to_bits()).unwrap();
        assert_eq!(same.upgrade().unwrap().0[0] / 1000, u64::from(*node));
    }
    assert!((0..200).all(|n| {
        let made_up = PoolWeak::<Both>::from_bits(u64::MAX << 32 | n << 20);
        made_up.unwrap().upgrade().is_none()
    }));
    drop(arcs);
    assert!(keys.iter().all(|key| key.upgrade().is_none()));
    on(2, || {
        let taken: Vec<_> = (0..100).map(|_| Both::pool().take()).collect();
        let parked = taken.iter().filter(|object| object.0[1] == 1).count();
        let new = taken
            .iter()
            .filter(|object| ***object == Both::default())
            .count();
        assert!(
            parked >= 25 && parked + new == 100,
            "{parked} were recycled once"
        );
    });
    Both::pool().trim();
    on(3, || {
        assert_eq!(*Both::pool().take(), Both::default(), "made anew")
    });
    assert!(keys.iter().all(|key| key.upgrade().is_none()));

    let wanted = config(40, NumaPolicy::Preferred).on_full(OnFull::Heap);
    Plenty::pool().init(wanted).unwrap();
    let plenty = on(0, || {
        (0..60).map(|n| PoolBox::new(Plenty(n))).collect::<Vec<_>>()
    });
    let heap = plenty
        .iter()
        .filter(|n| Plenty::pool().node_of(n).is_none());
    assert_eq!((heap.count(), Plenty::pool().stats().heap), (20, 20));
    assert!(plenty.iter().zip(0..).all(|(object, n)| object.0 == n));
    on(2, || drop(plenty));
    assert_eq!(Plenty::pool().len(), 0);
}
