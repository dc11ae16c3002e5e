//! An allocator that is watched: whether blocks are where they may be, and are given back as they were
//! taken.

use crate::subject::Allocator;
use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

/// One for all, for allocators here have no state.
static LEDGER: Mutex<Ledger> = Mutex::new(Ledger {
    live: BTreeMap::new(),
    asked: 0,
});

struct Ledger {
    /// What is live, by where it begins.
    live: BTreeMap<usize, Layout>,
    asked: u64,
}

/// `A`, watched.
pub(super) struct Watched<A>(PhantomData<fn() -> A>);

impl<A: Allocator> Allocator for Watched<A> {
    const NAME: &'static str = A::NAME;
    const THE: Self = Self(PhantomData);
}

// SAFETY: all is passed on to an allocator, which keeps the contract.
unsafe impl<A: Allocator> GlobalAlloc for Watched<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        let block = unsafe { A::THE.alloc(layout) };
        let start = block.addr();
        let end = start + layout.size();
        assert!(start != 0 && start.is_multiple_of(layout.align()));
        let mut ledger = LEDGER.lock().expect("nobody panicked");
        if let Some((before, other)) = ledger.live.range(..end).next_back() {
            assert!(before + other.size() <= start, "two are in one place");
        }
        ledger.live.insert(start, layout);
        ledger.asked += 1;
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut ledger = LEDGER.lock().expect("nobody panicked");
        let live = ledger.live.remove(&block.addr());
        assert_eq!(live, Some(layout), "it is not given back as it was taken");
        drop(ledger);
        // SAFETY: by contract.
        unsafe { A::THE.dealloc(block, layout) };
    }
}

/// Does something with a watched allocator, alone, and sees that it keeps nothing. How many blocks were
/// asked for, and what is said of it.
pub(super) fn watch<A: Allocator>(work: impl FnOnce() -> u64) -> (u64, u64) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = LEDGER.lock().expect("nobody panicked").asked;
    let said = work();
    let ledger = LEDGER.lock().expect("nobody panicked");
    assert!(ledger.live.is_empty(), "{} kept some", A::NAME);
    (ledger.asked - before, said)
}
