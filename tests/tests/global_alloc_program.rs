//! A whole program: it allocates before `main`, in it, and after it, in the main thread's destructors and in the
//! C library's. `global_alloc_static` builds it without shared libraries, too.

use pool::SlabAlloc;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use tests::blocks::Block;
use tests::scaled;

#[global_allocator]
static GLOBAL: SlabAlloc = SlabAlloc::new();

/// What was allocated before `main`.
static EARLY: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// What `main` leaves to those who come after it.
static LATE: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// Blocks of all kinds.
fn busy(seed: usize) -> Vec<Block> {
    (0..scaled(20, 5))
        .map(|log| Block::new(1 << log, 8, seed + log))
        .collect()
}

/// Runs before `main`: on Linux and Windows the system's linkers have a list of such functions.
extern "C" fn before_main() {
    EARLY.lock().expect("no panic").extend(busy(1));
    // And something that is freed at once.
    drop(busy(2));
}

#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "freebsd"),
    unsafe(link_section = ".init_array")
)]
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
static BEFORE_MAIN: extern "C" fn() = before_main;

/// Allocates and frees at the very end; a panic here ends the program with another code than 0.
extern "C" fn after_main() {
    drop(busy(3));
    let late = std::mem::take(&mut *LATE.lock().expect("no panic"));
    assert!(!late.is_empty());
    late.iter().for_each(Block::assert_intact);
    drop(late);
    drop(busy(4));
}

/// A thread-local of the main thread.
struct AtEnd(Vec<Block>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0 = busy(5);
        self.0.truncate(10);
    }
}

std::thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

fn main() {
    let early = std::mem::take(&mut *EARLY.lock().expect("no panic"));
    if early.is_empty() {
        eprintln!("skipped in part: nothing runs before `main` here");
    } else {
        early.iter().for_each(Block::assert_intact);
        assert!(early.iter().all(|block| GLOBAL.owns(block.start())));
        let other = thread::spawn(move || drop(early));
        other.join().expect("no panic");
    }

    AT_END.set(Some(AtEnd(busy(6))));
    LATE.lock().expect("no panic").extend(busy(7));
    #[cfg(all(unix, not(miri)))]
    {
        // SAFETY: a function that may be called at the end.
        let error = unsafe { libc::atexit(after_main) };
        assert_eq!(error, 0);
    }
    #[cfg(not(all(unix, not(miri))))]
    after_main();

    let threads: Vec<_> = (0..scaled(8, 2))
        .map(|n| {
            thread::spawn(move || {
                let map: BTreeMap<_, _> = (0..100).map(|k| (k * n, k.to_string())).collect();
                map.len()
            })
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        let length = thread.join().expect("no panic");
        assert_eq!(length, if n == 0 { 1 } else { 100 });
    }
    let stats = GLOBAL.stats();
    assert!(stats.live() >= LATE.lock().expect("no panic").len());
    let linked = if cfg!(target_feature = "crt-static") {
        "static"
    } else {
        "shared"
    };
    println!("allocated before, in and after main, {linked}: ok");
}
