//! Pools on a machine with several NUMA nodes: `ci/numa.sh` runs this on one with four. Elsewhere the
//! tests say that they are skipped.
//!
//! The kernel is asked for the node of every page; what the pool says is held against that.

#![cfg(all(target_os = "linux", not(miri)))]

use pool::numa::{self, Topology};
use pool::{
    Arena, ArenaConfig, InitError, NumaPolicy, PageSize, Pool, PoolConfig, Region, ScopedBox,
};
use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// An object on a page of its own, so that it has one node.
#[repr(align(4096))]
struct Page([u8; 4096]);

type Pages<'a> = Vec<ScopedBox<'a, Page>>;

/// The guest of `ci/numa.sh`, to one test at a time: some of them use up its memory.
fn guest() -> Option<MutexGuard<'static, ()>> {
    static GUEST: Mutex<()> = Mutex::new(());
    if std::env::var_os("POOL_TEST_GUEST").is_none() {
        eprintln!("skipped: this is not the machine with four nodes; `ci/numa.sh` makes one");
        return None;
    }
    Some(GUEST.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The node of a page, from the kernel.
fn kernel_node(page: &Page) -> u32 {
    let address = std::ptr::from_ref(page);
    let mut status = -1_i32;
    // SAFETY: one address and one place for its status; no nodes, so nothing is moved.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_move_pages,
            0,
            1_usize,
            &raw const address,
            std::ptr::null::<i32>(),
            &raw mut status,
            0,
        )
    };
    assert_eq!(failed, 0, "{}", std::io::Error::last_os_error());
    u32::try_from(status).expect("the page is there")
}

fn pool(config: PoolConfig) -> Pool<Page> {
    Pool::with_config(config.magazine(8)).unwrap()
}

fn allocate<'a>(pool: &'a Pool<Page>, count: usize) -> Pages<'a> {
    (0..count).map(|_| pool.alloc(Page([1; 4096]))).collect()
}

/// How many pages are on each node, by the kernel; the pool must have asked for the same.
fn census(pool: &Pool<Page>, pages: &[ScopedBox<'_, Page>]) -> HashMap<u32, usize> {
    let mut census = HashMap::new();
    for page in pages {
        let node = kernel_node(page);
        assert_eq!(page.0[4095], 1);
        assert_eq!(pool.node_of(page), Some(node));
        *census.entry(node).or_default() += 1;
    }
    census
}

/// Runs `f` on a node.
fn on<T: Send + 'static>(node: u32, f: impl FnOnce() -> T + Send + 'static) -> T {
    numa::spawn_on(node, f).unwrap().join().unwrap()
}

/// The nodes that have processors.
fn stations() -> Vec<u32> {
    let nodes = Topology::this_machine().nodes().iter();
    nodes
        .filter(|node| !node.cpus.is_empty())
        .map(|node| node.id)
        .collect()
}

#[test]
fn the_topology_is_the_guests() {
    let Some(_guest) = guest() else { return };
    let nodes = fs::read_to_string("/sys/devices/system/node/online").unwrap();
    assert_eq!(nodes.trim(), "0-3");
    let machine = Topology::this_machine();
    assert_eq!(
        machine
            .nodes()
            .iter()
            .map(|node| node.id)
            .collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    assert_eq!(
        (machine.distance(0, 3), machine.distance(3, 1)),
        (Some(40), Some(30))
    );
    for node in stations() {
        assert_eq!(on(node, || machine.current_node()), node);
    }
    println!("{machine}");
}

/// An arena's chunks are of the node of the thread that needs them, or of the nodes in turn.
#[test]
fn an_arenas_chunks_are_where_its_policy_says() {
    let Some(_guest) = guest() else { return };
    let nodes_of = |policy| {
        let config = ArenaConfig::new().chunk(1 << 16).chunk_max(1 << 16);
        let arena = Arena::with_config(config.numa(policy)).unwrap();
        let pages = |_| kernel_node(arena.alloc(Page([1; 4096])));
        let nodes: Vec<u32> = (0..100).map(pages).collect();
        assert!(arena.stats().chunks >= 7);
        nodes
    };
    for policy in [NumaPolicy::LocalOnly, NumaPolicy::Preferred] {
        for node in stations() {
            let nodes = on(node, move || nodes_of(policy));
            assert!(
                nodes.iter().all(|&at| at == node),
                "{policy} on {node}: {nodes:?}"
            );
        }
    }
    let nodes = nodes_of(NumaPolicy::Interleaved);
    let mut seen = nodes.clone();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 1, 2, 3], "{nodes:?}");
}

#[test]
fn every_policy_puts_pages_where_it_says() {
    let Some(_guest) = guest() else { return };
    for policy in [
        NumaPolicy::LocalOnly,
        NumaPolicy::Preferred,
        NumaPolicy::Adaptive,
    ] {
        let pool: &_ = Box::leak(Box::new(pool(
            PoolConfig::new().capacity(2000).numa(policy),
        )));
        for node in stations() {
            let census = on(node, move || {
                let pages = allocate(pool, 300);
                census(pool, &pages)
            });
            assert_eq!(census, HashMap::from([(node, 300)]), "{policy}");
        }
        let memory = pool.memory();
        for region in &memory.regions {
            let elsewhere = region
                .granted
                .iter()
                .find(|granted| granted.node != region.node);
            assert_eq!(elsewhere, None, "{policy}: {memory}");
            assert_eq!(region.refused, [""; 0]);
        }
    }
    let pool = pool(
        PoolConfig::new()
            .capacity(2000)
            .numa(NumaPolicy::Interleaved),
    );
    let pages = allocate(&pool, 320);
    let census = census(&pool, &pages);
    assert_eq!(census, HashMap::from([(0, 80), (1, 80), (2, 80), (3, 80)]));
}

#[test]
fn what_is_trimmed_and_used_again_is_on_its_node() {
    let Some(_guest) = guest() else { return };
    for policy in [NumaPolicy::LocalOnly, NumaPolicy::Preferred] {
        let pool: &_ = Box::leak(Box::new(pool(
            PoolConfig::new().capacity(2000).numa(policy),
        )));
        for node in stations() {
            on(node, move || drop(allocate(pool, 1000)));
            assert!(pool.trim() > 900 * 4096);
            let census = on(node, move || census(pool, &allocate(pool, 1000)));
            assert_eq!(census, HashMap::from([(node, 1000)]), "{policy}");
            pool.trim();
        }
    }
}

#[test]
fn a_thread_that_moves_is_served_where_it_is() {
    let Some(_guest) = guest() else { return };
    let pool = pool(PoolConfig::new().capacity(2000));
    let mut kept = Vec::new();
    for node in stations().into_iter().chain([0]) {
        let guard = numa::run_on(node).unwrap();
        let pages = allocate(&pool, 50);
        assert_eq!(census(&pool, &pages), HashMap::from([(node, 50)]));
        kept.push(pages);
        drop(guard);
    }
}

/// Uses up a node's memory, with no pressure on the others; then frees it, and uses it again.
#[test]
fn local_only_on_a_full_node_is_an_error_and_no_killing() {
    let Some(_guest) = guest() else { return };
    let config = PoolConfig::new()
        .capacity(800 * MIB / 4096)
        .numa(NumaPolicy::LocalOnly);
    let pool: &_ = Box::leak(Box::new(pool(config)));
    let node = stations()[2];
    let fill = move || {
        let mut pages: Pages<'_> = Vec::new();
        let error = loop {
            match pool.try_alloc(Page([1; 4096])) {
                Ok(page) => pages.push(page),
                Err(full) => break full,
            }
        };
        (
            pages,
            error.to_string(),
            error.source().unwrap().to_string(),
        )
    };
    let (pages, said, source) = on(node, fill);
    println!("{} MiB, then: {said}", pages.len() * 4096 / MIB);
    assert!(
        said.contains(&format!("node {node}")) && said.contains(&source),
        "{said}"
    );
    assert!((64 * MIB..512 * MIB).contains(&(pages.len() * 4096)));
    let sample: Pages<'_> = pages.into_iter().step_by(64).collect();
    assert_eq!(census(pool, &sample).len(), 1);
    drop(sample);
    // Another node is not touched by that; and this one has memory again.
    on(stations()[0], || drop(allocate(pool, 1000)));
    assert!(pool.trim() > 64 * MIB);
    let (pages, _, _) = on(node, fill);
    assert!(pages.len() * 4096 >= 64 * MIB);
    drop(pages);
    pool.trim();
}

/// Pages of 2 MiB that are free on a node.
fn huge_pages(node: u32, what: &str) -> String {
    format!("/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/{what}")
}

/// Has so many free pages of 2 MiB on a node.
fn set_huge_pages(node: u32, count: usize) {
    let read = |what| -> usize {
        let text = fs::read_to_string(huge_pages(node, what)).unwrap();
        text.trim().parse().unwrap()
    };
    let used = read("nr_hugepages") - read("free_hugepages");
    fs::write(huge_pages(node, "nr_hugepages"), (used + count).to_string()).unwrap();
    assert_eq!(read("free_hugepages"), count);
}

/// How much of a region is on pages of 2 MiB, by node.
fn huge_of(region: &Region) -> Vec<(Option<u32>, usize)> {
    let granted = region.granted.iter();
    let huge = granted.filter(|granted| granted.pages == PageSize::Huge2M);
    huge.map(|granted| (granted.node, granted.bytes)).collect()
}

#[test]
fn huge_pages_are_each_nodes_own_and_run_out_on_one() {
    let Some(_guest) = guest() else { return };
    let nodes: Vec<u32> = (0..4).collect();
    nodes.iter().for_each(|&node| set_huge_pages(node, 8));
    let each = 4 * MIB / 4096; // Two huge pages' worth.
    let config = PoolConfig::new().pages(PageSize::Huge2M);
    let turns = config.capacity(4 * each).numa(NumaPolicy::Interleaved);
    let local = config
        .capacity(stations().len() * each)
        .numa(NumaPolicy::LocalOnly);
    for config in [turns, local] {
        let pool: &_ = Box::leak(Box::new(pool(config.pages_required(true))));
        let memory = pool.memory();
        println!("{memory}");
        for region in memory.regions {
            let shares = config == turns || stations().contains(&region.node.unwrap());
            let expected = shares.then_some((region.node, 4 * MIB));
            assert_eq!(huge_of(&region), Vec::from_iter(expected));
        }
        let census = on(0, move || census(pool, &allocate(pool, 64)));
        assert_eq!(census.len(), if config == turns { 4 } else { 1 });
        // Given back, all of it.
        // SAFETY: it was leaked above, and all that borrowed it has ended.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(pool).cast_mut()) });
    }

    // One page less than wanted. (A page that one node lacks and another one has is no lack: the
    // kernel finds memory for one where it is needed, and takes the other away.)
    let free = 2 * stations().len() - 1;
    for &node in &nodes {
        set_huge_pages(
            node,
            if !stations().contains(&node) {
                0
            } else if node == 1 {
                1
            } else {
                2
            },
        );
    }
    let left = || -> usize {
        let read = |&node| fs::read_to_string(huge_pages(node, "free_hugepages")).unwrap();
        nodes
            .iter()
            .map(|node| read(node).trim().parse::<usize>().unwrap())
            .sum()
    };
    let refused = Pool::<Page>::with_config(local.pages_required(true)).unwrap_err();
    println!("{refused}");
    let InitError::Pages {
        node: Some(node),
        errno: Some(libc::ENOMEM),
        ..
    } = refused
    else {
        panic!("{refused:?}");
    };
    let way_out = format!("/sys/devices/system/node/node{node}/hugepages/");
    assert!(refused.to_string().contains(&way_out));
    assert_eq!(left(), free, "nothing of the attempt is left");
    // What is only preferred falls back: to smaller pages, not to another node.
    let local: &_ = Box::leak(Box::new(pool(local)));
    for node in stations() {
        let census = on(node, move || census(local, &allocate(local, each)));
        assert_eq!(census, HashMap::from([(node, each)]));
    }
    let memory = local.memory();
    println!("{memory}");
    let huge = memory
        .regions
        .iter()
        .flat_map(huge_of)
        .map(|(_, bytes)| bytes);
    assert_eq!(huge.sum::<usize>(), free * 2 * MIB);
    for region in &memory.regions {
        assert!(
            region
                .granted
                .iter()
                .all(|granted| granted.node == region.node)
        );
    }
    assert_eq!(left(), 0);
}

/// Under `local_only` all of the memory is bound; what is on huge pages is not to be cut by that, and
/// what a trim gave back not to be touched before it is bound anew.
#[test]
fn memory_beside_huge_pages_is_trimmed_prefaulted_and_used_again() {
    let Some(_guest) = guest() else { return };
    (0..4).for_each(|node| set_huge_pages(node, 2));
    let capacity = 4096;
    let config = PoolConfig::new()
        .capacity(capacity)
        .pages(PageSize::Huge2M)
        .numa(NumaPolicy::LocalOnly);
    let pool: &_ = Box::leak(Box::new(pool(config)));
    on(0, move || {
        for _ in 0..2 {
            // More than the huge pages hold: freed behind them first, then all of it.
            let mut pages = allocate(pool, capacity);
            pages.sort_by_key(|page| std::ptr::from_ref::<Page>(page).addr());
            let behind = pages.split_off(1024 + 16);
            drop(behind);
            assert!(pool.trim() > 0);
            drop(pages);
            pool.trim();
            let pages = allocate(pool, capacity);
            assert_eq!(census(pool, &pages), HashMap::from([(0, capacity)]));
            drop(pages);
            pool.trim();
            pool.prefault().unwrap();
            pool.lock().unwrap();
        }
    });
    (0..4).for_each(|node| set_huge_pages(node, 0));
}

/// On a full node, prefaulting beside trims: an error, and no killing.
#[test]
fn a_strict_prefault_beside_trims_kills_nobody() {
    let Some(_guest) = guest() else { return };
    let config = PoolConfig::new().numa(NumaPolicy::LocalOnly);
    let trimmed: &_ = Box::leak(Box::new(pool(config.capacity(16 * MIB / 4096))));
    let hog: &_ = Box::leak(Box::new(pool(config.capacity(800 * MIB / 4096))));
    let refill = move |held: &mut Pages<'static>| {
        while let Ok(page) = hog.try_alloc(Page([1; 4096])) {
            held.push(page);
        }
    };
    let mut held = on(0, move || {
        drop(allocate(trimmed, 4 * MIB / 4096));
        trimmed.trim();
        let mut held = Pages::new();
        refill(&mut held);
        held
    });
    let end = Instant::now() + Duration::from_secs(15);
    let going = move || Instant::now() < end;
    let prefault = move || {
        let refused =
            std::iter::repeat_with(|| trimmed.prefault().is_err()).take_while(|_| going());
        refused.filter(|&refused| refused).count()
    };
    let trim = move || {
        while going() {
            trimmed.trim();
        }
    };
    let press = move || {
        while going() {
            held.truncate(held.len().saturating_sub(4500));
            hog.trim();
            std::thread::sleep(Duration::from_millis(20));
            refill(&mut held);
        }
    };
    let prefault = numa::spawn_on(stations()[1], prefault).unwrap();
    let trim = numa::spawn_on(stations()[2], trim).unwrap();
    let press = numa::spawn_on(0, press).unwrap();
    press.join().unwrap();
    trim.join().unwrap();
    println!("{} prefaults were refused", prefault.join().unwrap());
    hog.trim();
}

/// A producer on node 0 makes what a consumer frees, who is where `place` says.
fn pipe(pool: &'static Pool<Page>, batches: usize, place: impl Fn(usize) -> u32 + Send + 'static) {
    let (send, receive) = mpsc::sync_channel::<Pages<'static>>(2);
    let produce = move || {
        for _ in 0..batches {
            send.send(allocate(pool, 32)).unwrap();
        }
    };
    let producer = numa::spawn_on(0, produce).unwrap();
    let consume = move || {
        let mut here = None;
        for (number, pages) in receive.into_iter().enumerate() {
            let node = place(number);
            if here.as_ref().is_none_or(|&(there, _)| there != node) {
                // The guard restores where the thread was: it goes before the next is made.
                drop(here.take());
                here = Some((node, numa::run_on(node).unwrap()));
            }
            drop(pages);
        }
        drop(here);
    };
    let consumer = std::thread::spawn(consume);
    producer.join().unwrap();
    consumer.join().unwrap();
}

#[test]
fn adaptive_follows_the_consumer_but_not_who_alternates() {
    let Some(_guest) = guest() else { return };
    let far = *stations().last().unwrap();
    let config = PoolConfig::new().capacity(4000).numa(NumaPolicy::Adaptive);
    let followed: &_ = Box::leak(Box::new(pool(config)));
    pipe(followed, 400, move |_| far);
    let stats = followed.stats();
    assert_eq!(stats.nodes[0].served_by, Some(far), "{stats:?}");
    assert_eq!(stats.decisions.len(), 1, "{:?}", stats.decisions);
    let census = on(0, move || census(followed, &allocate(followed, 100)));
    assert_eq!(census, HashMap::from([(far, 100)]));

    let alternating: &_ = Box::leak(Box::new(pool(config)));
    pipe(alternating, 1200, move |number| {
        if number / 30 % 2 == 0 { far } else { 0 }
    });
    let decisions = alternating.stats().decisions;
    assert!(decisions.len() <= 6, "{decisions:?}");
}
