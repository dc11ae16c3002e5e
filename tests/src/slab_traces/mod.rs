//! Any program of the operations of allocators, from bytes, against a model: which blocks are live, where they
//! are, what is in them, and what the figures are.
//!
//! Up to four threads have blocks of two allocators, and give them to each other. A thread does one step at a time,
//! when it is told to, so that a program does the same again; but for what a program lets them do together.

#![allow(unsafe_code)]

mod face;
mod model;
mod steps;

pub use model::{
    Block, CLASSES, batch, check_zero, class_of, is_checked, most_cached, most_parked,
};

use crate::scaled;
use model::Model;
use pool::SlabAlloc;
use std::any::Any;
use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread;

/// The most bytes that are live at once; then blocks are small.
const MOST_LIVE: usize = scaled(16 << 20, 1 << 20);

/// The most bytes of all blocks of a program; then it ends.
const MOST: usize = scaled(64 << 20, 2 << 20);

/// Runs a program. Every sequence of bytes is one.
///
/// # Panics
///
/// Panics where an allocator does something else than the model.
pub fn run(program: &[u8]) {
    let mut tape = Tape {
        bytes: program,
        at: 0,
    };
    let setup = tape.byte();
    let (threads, allocators) = (1 + tape.below(4), 1 + tape.below(2));
    let retain = [0, 1 << 16, 1 << 20, 16 << 20][tape.below(4)];
    // There are not thread caches for so many.
    let others: Vec<SlabAlloc> = (0..if setup % 16 == 1 { 16 } else { 0 })
        .map(|_| SlabAlloc::new())
        .collect();
    for other in &others {
        let block = other.allocate(100, 4).expect("a small one");
        // SAFETY: allocated just now.
        unsafe { other.deallocate(block.cast(), layout(100, 4)) };
    }
    let world = Arc::new(World::new(program, threads, allocators, retain));
    let mut workers: Vec<Worker> = (0..threads).map(|who| Worker::new(&world, who)).collect();
    let together = setup.is_multiple_of(2);
    while !tape.is_over() && lock(&world.model).so_far < MOST {
        match tape.byte() % 32 {
            0 => {
                let who = tape.below(threads);
                workers[who].end();
                workers[who] = Worker::new(&world, who);
            }
            1 => {
                let who = tape.below(threads);
                let count = tape.below(256);
                let mut mine = lock(&world.hands[who]);
                let rest = mine.len().saturating_sub(count);
                lock(&world.estates[who]).extend(mine.drain(rest..));
                drop(mine);
                workers[who].send(Order::MakeWill);
                workers[who].wait();
            }
            2 => world.replace(tape.below(allocators)),
            3 => world.move_elsewhere(tape.below(allocators)),
            4 => world.check(threads),
            5..=8 if together => {
                for worker in &workers {
                    let end = program.len().min(tape.at + tape.below(64));
                    worker.send(Order::Steps(tape.at, end));
                    tape.at = end.max(tape.at);
                }
                // All, before one's panic goes on.
                let done: Vec<_> = workers.iter().map(Worker::outcome).collect();
                done.into_iter().for_each(|outcome| {
                    passed_on(outcome);
                });
                world.check(threads);
            }
            _ => {
                let worker = &workers[tape.below(threads)];
                worker.send(Order::Steps(tape.at, tape.at + 1));
                tape.at = worker.wait();
            }
        }
    }
    world.check(threads);
    // Those who have the blocks free them, or this thread does when they are gone.
    if (setup / 2).is_multiple_of(2) {
        for worker in &workers {
            worker.send(Order::FreeAll);
            worker.wait();
        }
    }
    workers.iter_mut().for_each(Worker::end);
    (0..threads).for_each(|who| world.free_all(who));
    assert_eq!(lock(&world.model).bytes, 0);
    world.check(1);
    for allocator in &world.allocators {
        let allocator = allocator.read().unwrap_or_else(PoisonError::into_inner);
        allocator.trim();
        let stats = allocator.stats();
        assert_eq!((stats.live(), stats.large.given), (0, 0), "{stats}");
        assert_eq!((stats.held(), stats.retained), (0, 0), "{stats}");
    }
}

/// The allocators, and who has which blocks.
struct World {
    program: Box<[u8]>,
    retain: usize,
    allocators: Vec<RwLock<Box<SlabAlloc>>>,
    /// The blocks of each thread.
    hands: Vec<Mutex<Vec<Block>>>,
    /// The blocks of each thread that are freed when its thread-locals are.
    estates: Vec<Mutex<Vec<Block>>>,
    model: Mutex<Model>,
    ids: AtomicU64,
    /// What a destructor of a thread-local panicked with.
    panicked: Mutex<Option<Panic>>,
}

type Panic = Box<dyn Any + Send>;

impl World {
    fn new(program: &[u8], threads: usize, allocators: usize, retain: usize) -> Self {
        let new = |_| RwLock::new(Box::new(SlabAlloc::with_retain(retain)));
        Self {
            program: program.into(),
            retain,
            allocators: (0..allocators).map(new).collect(),
            hands: (0..threads).map(|_| Mutex::default()).collect(),
            estates: (0..threads).map(|_| Mutex::default()).collect(),
            model: Mutex::new(Model::new(allocators)),
            ids: AtomicU64::new(1),
            panicked: Mutex::default(),
        }
    }

    fn id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The figures are the model's. Nobody allocates meanwhile.
    fn check(&self, threads: usize) {
        for (owner, allocator) in self.allocators.iter().enumerate() {
            let allocator = allocator.read().unwrap_or_else(PoisonError::into_inner);
            let stats = allocator.stats();
            lock(&self.model).check(owner, &stats, threads + 1, self.retain);
        }
        for block in self.hands.iter().chain(&self.estates) {
            let few = if cfg!(miri) { 3 } else { 100 };
            lock(block).iter().rev().take(few).for_each(Block::check);
        }
    }

    /// Drops an allocator with all its blocks, while threads live that know it, and makes another.
    fn replace(&self, owner: usize) {
        for blocks in self.hands.iter().chain(&self.estates) {
            let blocks = &mut *lock(blocks);
            let gone = blocks.extract_if(.., |block| block.owner == owner);
            for block in gone {
                block.check();
                lock(&self.model).remove(&block, 0);
            }
        }
        lock(&self.model).forget(owner);
        let new = Box::new(SlabAlloc::with_retain(self.retain));
        let mut place = write(&self.allocators[owner]);
        drop(mem::replace(&mut *place, new));
    }

    /// A value may be moved, and has its blocks still.
    fn move_elsewhere(&self, owner: usize) {
        let mut place = write(&self.allocators[owner]);
        let moved = *mem::replace(&mut *place, Box::new(SlabAlloc::new()));
        **place = moved;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn layout(size: usize, align: usize) -> std::alloc::Layout {
    std::alloc::Layout::from_size_align(size, align).expect("what can be had")
}

/// What a thread is told.
enum Order {
    /// Steps from here on, until there.
    Steps(usize, usize),
    /// To have a thread-local that frees blocks, and allocates, when it is dropped.
    MakeWill,
    FreeAll,
}

/// A thread that does what it is told.
struct Worker {
    world: Arc<World>,
    orders: Option<mpsc::Sender<Order>>,
    done: mpsc::Receiver<Result<usize, Panic>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    fn new(world: &Arc<World>, who: usize) -> Self {
        let (orders, receiver) = mpsc::channel();
        let (sender, done) = mpsc::channel();
        let theirs = Arc::clone(world);
        let body = move || {
            for order in receiver {
                let outcome = catch_unwind(AssertUnwindSafe(|| theirs.obey(who, order)));
                if sender.send(outcome).is_err() {
                    break;
                }
            }
        };
        Self {
            world: Arc::clone(world),
            orders: Some(orders),
            done,
            thread: Some(thread::spawn(body)),
        }
    }

    fn send(&self, order: Order) {
        let orders = self.orders.as_ref().expect("it has not ended");
        orders.send(order).expect("it waits");
    }

    fn outcome(&self) -> Result<usize, Panic> {
        self.done.recv().expect("it answers")
    }

    fn wait(&self) -> usize {
        passed_on(self.outcome())
    }

    /// Waits for the end of its thread-locals too.
    fn end(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it catches panics");
        }
        if let Some(panic) = lock(&self.world.panicked).take() {
            resume_unwind(panic);
        }
    }
}

fn passed_on(outcome: Result<usize, Panic>) -> usize {
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

impl World {
    fn obey(self: &Arc<Self>, who: usize, order: Order) -> usize {
        match order {
            Order::Steps(at, end) => {
                let mut tape = Tape {
                    bytes: &self.program,
                    at,
                };
                while tape.at < end {
                    self.step(who, &mut tape);
                }
                return tape.at;
            }
            Order::MakeWill => {
                let world = Arc::clone(self);
                WILL.with_borrow_mut(|will| {
                    will.get_or_insert(Will { world, who });
                });
            }
            Order::FreeAll => self.free_all(who),
        }
        0
    }
}

thread_local! {
    /// Dropped before or after what the allocators have for the thread: that depends on who was first.
    static WILL: RefCell<Option<Will>> = const { RefCell::new(None) };
}

struct Will {
    world: Arc<World>,
    who: usize,
}

impl Drop for Will {
    fn drop(&mut self) {
        let estate = mem::take(&mut *lock(&self.world.estates[self.who]));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.world.settle(self.who, estate)));
        if let Err(panic) = outcome {
            *lock(&self.world.panicked) = Some(panic);
        }
    }
}

/// The bytes of a program, of which the end is zeros.
struct Tape<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Tape<'_> {
    fn byte(&mut self) -> u8 {
        self.at += 1;
        self.bytes.get(self.at - 1).copied().unwrap_or(0)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    const fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Mostly next to the sizes of classes; seldom more than a slab.
    fn size(&mut self) -> usize {
        let most = scaled(22, 17);
        match self.byte() % 16 {
            0..=2 => 1 + self.below(80),
            3 => 1 + self.below(256) * 257,
            kind => {
                let log = 3 + match kind {
                    4..=13 => self.below(13),
                    _ => 12 + self.below(most - 14),
                };
                let nuance = self.below(12);
                (1 << log) + ((nuance / 3) << (log - 2)) + nuance % 3 - 1
            }
        }
    }

    /// Mostly small, seldom more than a page.
    fn align(&mut self) -> usize {
        let byte = self.byte();
        match byte % 8 {
            0..=4 => 1 << (byte / 8 % 5),
            5 | 6 => 1 << (byte / 8 % 13),
            _ if byte >= 248 && !cfg!(miri) => 1 << 20,
            _ => 1 << self.below(17),
        }
    }
}
