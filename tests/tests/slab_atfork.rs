//! A program's own handlers of forks may allocate, also those that were registered before the allocator's first
//! use: these run when it has taken its locks. One test, since that is before and after for the whole process.

#![cfg(all(unix, not(miri)))]

use pool::SlabAlloc;
use std::alloc::Layout;

static LATE: SlabAlloc = SlabAlloc::new();

/// Small and large ones, a thread's first included.
extern "C" fn allocates() {
    for size in [24, 3000, 100_000] {
        let Ok(block) = LATE.allocate(size, 8) else {
            continue;
        };
        // SAFETY: new, and so large.
        unsafe { block.cast::<u8>().write_bytes(1, size) };
        let Ok(layout) = Layout::from_size_align(size, 8) else {
            continue;
        };
        // SAFETY: allocated above with this layout.
        unsafe { LATE.deallocate(block.cast(), layout) };
    }
}

#[test]
fn handlers_of_a_fork_may_allocate() {
    // SAFETY: the functions live as long as the process.
    let registered =
        unsafe { libc::pthread_atfork(Some(allocates), Some(allocates), Some(allocates)) };
    assert_eq!(registered, 0);
    let full = || (0..200).filter_map(|n| LATE.allocate(1 + n * 300, 8).ok());
    let kept: Vec<_> = full().collect();
    for _ in 0..20 {
        // SAFETY: the child allocates by `LATE` and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: a child that waits for ever is ended, which the parent sees.
            unsafe { libc::alarm(20) };
            let made = full().count();
            // SAFETY: nothing of the parent's is run.
            unsafe { libc::_exit(i32::from(made != 200)) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: the child of this thread.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0));
    }
    for (n, block) in kept.into_iter().enumerate() {
        let layout = Layout::from_size_align(1 + n * 300, 8).expect("a layout");
        // SAFETY: allocated above with this layout.
        unsafe { LATE.deallocate(block.cast(), layout) };
    }
    assert_eq!(LATE.stats().live(), 0);
}
