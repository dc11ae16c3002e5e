//! Thread-locals whose destructors allocate and free: some of them run when the allocator's cache of the
//! thread is gone, and none of them gives it a new one.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tests::blocks::Block;
use tests::{Census, Member, scaled};

/// Frees what the thread left it, and allocates more.
struct AtEnd {
    kept: Vec<Block>,
    _member: Member,
    ended: Arc<AtomicUsize>,
}

impl AtEnd {
    fn new(ended: &Arc<AtomicUsize>, census: &Census) -> Self {
        Self {
            kept: busy(3),
            _member: census.member(),
            ended: Arc::clone(ended),
        }
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        let more = busy(self.kept.len());
        self.kept.clear();
        let text: Vec<_> = more.iter().map(|block| block.size().to_string()).collect();
        assert_eq!(text.join("+"), "10+100+1000+10000+100000");
        let mut more = more;
        assert!(more.iter_mut().all(|block| block.resize(block.size() * 2)));
        self.kept = more;
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Blocks of all kinds.
fn busy(seed: usize) -> Vec<Block> {
    (1..=5)
        .map(|log| Block::new(10_usize.pow(log), 8, seed))
        .collect()
}

type Local = RefCell<Option<AtEnd>>;

std::thread_local! {
    static FIRST: Local = const { RefCell::new(None) };
    static SECOND: Local = const { RefCell::new(None) };
    static THIRD: Local = const { RefCell::new(None) };
    /// Allocates for itself to be there.
    static BOXED: RefCell<Box<Option<AtEnd>>> = RefCell::new(Box::new(None));
}

/// Has a thread-local's destructor registered, now.
fn register(local: &'static thread::LocalKey<Local>) {
    local.with_borrow(|_| ());
}

/// Registers some before the first allocation, and some after it. Destructors run in the reverse order.
fn use_locals(ended: &Arc<AtomicUsize>, census: &Census) {
    register(&FIRST);
    register(&SECOND);
    SECOND.set(Some(AtEnd::new(ended, census)));
    register(&THIRD);
    BOXED.set(Box::new(Some(AtEnd::new(ended, census))));
    FIRST.set(Some(AtEnd::new(ended, census)));
    THIRD.set(Some(AtEnd::new(ended, census)));
}

#[test]
fn destructors_allocate_and_free() {
    let (ended, census) = (Arc::default(), Census::new());
    for n in 1..=scaled(200, 3) {
        let (of_thread, member_of) = (Arc::clone(&ended), census.clone());
        thread::spawn(move || use_locals(&of_thread, &member_of))
            .join()
            .expect("no panic");
        assert_eq!(ended.load(Ordering::SeqCst), 4 * n);
        assert_eq!(census.alive(), 0);
    }
}

/// The end of the last local hands blocks to a thread that frees them when this one is long gone.
#[test]
fn destructors_hand_blocks_on() {
    struct HandOn(std::sync::mpsc::Sender<Vec<Block>>);
    impl Drop for HandOn {
        fn drop(&mut self) {
            self.0.send(busy(9)).expect("somebody receives");
        }
    }
    std::thread_local! {
        static HAND_ON: RefCell<Option<HandOn>> = const { RefCell::new(None) };
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    for _ in 0..scaled(100, 2) {
        let sender = sender.clone();
        thread::spawn(move || {
            HAND_ON.with_borrow(|_| ());
            let kept = busy(1);
            HAND_ON.set(Some(HandOn(sender)));
            drop(kept);
        })
        .join()
        .expect("no panic");
    }
    drop(sender);
    assert_eq!(receiver.into_iter().flatten().count(), scaled(100, 2) * 5);
}

/// Threads that the standard library knows nothing of: here nothing is allocated before the thread's own
/// function is, and the C library's keys have destructors that run after all others.
#[cfg(all(unix, not(miri)))]
mod bare {
    use super::{AtEnd, Block, busy, register, use_locals};
    use std::ffi::c_void;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};
    use tests::Census;

    struct Work {
        ended: Arc<AtomicUsize>,
        census: Census,
        locals: bool,
    }

    /// What a key's destructor is given.
    struct Kept {
        blocks: Vec<Block>,
        rounds: usize,
        _last: AtEnd,
    }

    fn key() -> libc::pthread_key_t {
        static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
        *KEY.get_or_init(|| {
            let mut key = 0;
            // SAFETY: a place for the key, and a function that takes what is set for it.
            let error = unsafe { libc::pthread_key_create(&raw mut key, Some(at_end)) };
            assert_eq!(error, 0);
            key
        })
    }

    fn set(kept: Box<Kept>) {
        // SAFETY: a key that is there.
        let error = unsafe { libc::pthread_setspecific(key(), Box::into_raw(kept).cast()) };
        assert_eq!(error, 0);
    }

    /// Comes again once: the C library asks a few times whether something is set.
    unsafe extern "C" fn at_end(kept: *mut c_void) {
        // SAFETY: from `set`, and given to nobody else.
        let mut kept = unsafe { Box::from_raw(kept.cast::<Kept>()) };
        kept.blocks = busy(kept.rounds);
        if kept.rounds > 0 {
            kept.rounds -= 1;
            set(kept);
        }
    }

    extern "C" fn run(work: *mut c_void) -> *mut c_void {
        // SAFETY: lent by the test, which waits for this thread.
        let work = unsafe { &*work.cast::<Work>() };
        register(&super::FIRST);
        set(Box::new(Kept {
            blocks: busy(4),
            rounds: 2,
            _last: AtEnd::new(&work.ended, &work.census),
        }));
        if work.locals {
            use_locals(&work.ended, &work.census);
        }
        ptr::null_mut()
    }

    #[test]
    fn destructors_of_keys_allocate_and_free() {
        key();
        for locals in [false, true].repeat(50) {
            let mut work = Work {
                ended: Arc::default(),
                census: Census::new(),
                locals,
            };
            // SAFETY: all zero is what the C library begins with.
            let mut thread = unsafe { std::mem::zeroed::<libc::pthread_t>() };
            let lent = (&raw mut work).cast();
            // SAFETY: a place for the thread; the function takes what it is given.
            let error = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), run, lent) };
            assert_eq!(error, 0);
            // SAFETY: that thread, once.
            let error = unsafe { libc::pthread_join(thread, ptr::null_mut()) };
            assert_eq!(error, 0);
            assert_eq!(
                work.ended.load(Ordering::SeqCst),
                if locals { 5 } else { 1 }
            );
            assert_eq!(work.census.alive(), 0);
        }
    }
}
