//! The program's allocator after a fork: the child allocates, frees what its parent allocated, and has threads of
//! its own, whatever the parent's threads were at. A child that hangs is ended, and is a failure.

#![cfg(all(unix, not(miri)))]

use pool::SlabAlloc;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tests::blocks::{Block, Global};
use tests::{Dice, join_all};

#[global_allocator]
static GLOBAL: SlabAlloc = SlabAlloc::new();

/// How long a child may take. It needs a few milliseconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Blocks of all kinds. In a child nothing panics: what another thread had locked when it was forked, for
/// instance to print, is locked for good.
fn busy(dice: &Dice, count: usize) -> Option<Vec<Block>> {
    let size = || match dice.below(100) {
        0 => 40_000 + dice.below(200_000),
        1..20 => 1 + dice.below(20_000),
        _ => 1 + dice.below(300),
    };
    (0..count)
        .map(|n| Block::new_in(Global, size(), 1 << dice.below(6), n))
        .collect()
}

/// What a child's thread is given, and what it gives back.
struct Work {
    blocks: Vec<Block>,
    seed: u64,
    more: Option<Vec<Block>>,
}

extern "C" fn work(work: *mut c_void) -> *mut c_void {
    // SAFETY: lent by `on_a_thread`, which waits.
    let work = unsafe { &mut *work.cast::<Work>() };
    work.more = busy(&Dice::new(work.seed), 300);
    work.blocks.clear();
    ptr::null_mut()
}

/// Frees blocks on a new thread, which allocates others. The standard library's threads will not do in a child: they
/// take a lock when they begin, which a thread of the parent may have had when it was forked.
fn on_a_thread(blocks: Vec<Block>, seed: u64) -> Option<Vec<Block>> {
    let mut lent = Work {
        blocks,
        seed,
        more: None,
    };
    // SAFETY: all zero is what the C library begins with.
    let mut thread = unsafe { std::mem::zeroed::<libc::pthread_t>() };
    let to = (&raw mut lent).cast();
    // SAFETY: a place for the thread; the function takes what it is given.
    let error = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), work, to) };
    if error != 0 {
        return None;
    }
    // SAFETY: that thread, once.
    let error = unsafe { libc::pthread_join(thread, ptr::null_mut()) };
    lent.more.filter(|_| error == 0 && lent.blocks.is_empty())
}

/// What a child does: whether all is well.
fn child(from_parent: Vec<Block>, depth: usize, seed: u64) -> bool {
    let dice = Dice::new(seed);
    let Some(first) = busy(&dice, 300) else {
        return false;
    };
    drop(from_parent);
    let text: String = first.iter().map(|block| block.size().to_string()).collect();
    let Some(second) = on_a_thread(first, seed + 1) else {
        return false;
    };
    // A child's child, which is the only thread's.
    let sound = depth == 0 || fork(second, depth - 1, seed + 2).is_ok();
    let Some(third) = busy(&dice, 1000) else {
        return false;
    };
    drop(third);
    let stats = GLOBAL.stats();
    sound && text.len() > 300 && stats.live() > 0
}

/// Forks, and waits for the child's end.
fn fork(from_parent: Vec<Block>, depth: usize, seed: u64) -> Result<(), String> {
    // SAFETY: the child allocates, by this allocator and by glibc's own, which is good after a fork; it starts
    // threads of the C library, and ends without the harness.
    let process = unsafe { libc::fork() };
    if process < 0 {
        return Err(format!("fork: {}", std::io::Error::last_os_error()));
    }
    if process == 0 {
        let sound = child(from_parent, depth, seed);
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(i32::from(!sound)) };
    }
    let began = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: that child, and a place for its status.
        let waited = unsafe { libc::waitpid(process, &raw mut status, libc::WNOHANG) };
        if waited == process {
            return match status {
                0 => Ok(()),
                status if libc::WIFSIGNALED(status) => {
                    Err(format!("ended by signal {}", libc::WTERMSIG(status)))
                }
                status => Err(format!("exit code {}", libc::WEXITSTATUS(status))),
            };
        }
        if began.elapsed() > PATIENCE {
            // SAFETY: our child, which nobody waited for yet.
            unsafe { libc::kill(process, libc::SIGKILL) };
            // SAFETY: as above; it does end now.
            unsafe { libc::waitpid(process, &raw mut status, 0) };
            return Err("hangs".to_owned());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn children_allocate_and_free() {
    let (done, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let busy_thread = |seed: u64| {
            let (done, rounds) = (&done, &rounds);
            scope.spawn(move || {
                let dice = Dice::new(seed);
                while !done.load(Ordering::Relaxed) {
                    // Threads come and go, too.
                    thread::spawn(move || busy(&Dice::new(seed), 50));
                    drop(busy(&dice, 200).expect("memory"));
                    // Of these a thread keeps two: most come from slabs, under a lock.
                    let visit = |n: usize| Block::new(20_000 + n % 2 * 10_000, 8, n);
                    drop((0..100).map(visit).collect::<Vec<_>>());
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let others: Vec<_> = (1..=3).map(busy_thread).collect();
        // Two threads fork, so that one may be at it while the other is.
        let forks = |seed: u64| {
            let done = &done;
            scope.spawn(move || {
                let dice = Dice::new(seed);
                for n in 0..100 {
                    let ours = busy(&dice, 100).expect("memory");
                    let outcome = fork(ours, usize::from(n % 10 == 0), seed + n);
                    if outcome.is_err() {
                        done.store(true, Ordering::Relaxed);
                    }
                    outcome.unwrap_or_else(|error| panic!("child {n}: {error}"));
                }
            })
        };
        let forking = (0..2).map(|n| forks(1000 * (n + 1))).collect();
        join_all(forking);
        done.store(true, Ordering::Relaxed);
        join_all(others);
    });
    assert!(rounds.into_inner() > 0);
}

/// A chain of generations: each child has the one thread that forks, and a new one that came and went.
#[test]
fn generations() {
    let blocks = busy(&Dice::new(3), 100).expect("memory");
    fork(blocks, 8, 50).unwrap_or_else(|error| panic!("{error}"));
}
