//! Any program of an arena's operations, from bytes, against a model: which blocks are live, what is in them,
//! and which values are to be dropped next.
//!
//! (And what only a build refuses, for which `ui` has no place: a destructor that nobody would run.)
//!
//! ```compile_fail,E0080
//! pool::Arena::new().no_drop().alloc(String::new());
//! ```

#![allow(unsafe_code)]

use allocator_api2_04::alloc::Allocator;
use allocator_api2_04::vec::Vec as VecIn;
use pool::{Arena, ArenaBox, ArenaConfig, Checkpoint, RollbackError, Scope, ScopeGuard};
use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::thread;

/// Runs a program. Every sequence of bytes is one.
///
/// # Panics
///
/// Panics where the arena does something else than the model.
pub fn run(program: &[u8]) {
    LOG.take();
    let tape = Tape {
        bytes: program,
        next: Cell::new(0),
    };
    let config = config(&tape);
    let world = World::default();
    let mut arena = Arena::default();
    if tape.byte().is_multiple_of(2) {
        match Arena::with_config(config) {
            Ok(made) => arena = made,
            Err(refused) => panic!("{refused}"),
        }
    }
    world.begin_owner();
    let mut checkpoints = Vec::new();
    while !tape.is_over() {
        match tape.byte() % 16 {
            0 | 1 => {
                world.release(0);
                release(&world, 0, || arena.reset());
                assert_eq!(arena.stats().allocated, 0, "after a reset");
                let good: Vec<Point> = mem::take(&mut checkpoints);
                for point in good {
                    let refused = arena.rollback(point.checkpoint);
                    assert_eq!(refused, Err(RollbackError::RolledPast));
                }
            }
            2 => {
                let before = arena.stats();
                let bytes = arena.trim();
                let after = arena.stats();
                assert_eq!(before.reserved, after.reserved + bytes);
                assert_eq!(before.allocated, after.allocated);
            }
            3 | 4 => note(&world, &arena, &mut checkpoints),
            5..=7 if !checkpoints.is_empty() => {
                let index = tape.below(checkpoints.len());
                roll_back(&world, &mut arena, &mut checkpoints, index);
            }
            8 => {
                assert_eq!(
                    Arena::new().rollback(arena.checkpoint()),
                    Err(RollbackError::OtherArena)
                );
            }
            _ => {
                let level = Level::new(&arena, 0, &world, None);
                level.run(&tape, 0);
            }
        }
        world.check();
        let stats = arena.stats();
        assert!(stats.allocated <= stats.reserved && stats.allocated <= stats.high_water);
        // (A guard that was forgotten may leave the account wrong until a reset.)
        if !world.forgot.get() {
            assert!(stats.allocated >= world.live_bytes(), "{stats}");
        }
        let limit = arena.config();
        assert!(stats.allocated <= config_limit(&limit, &config, &arena));
    }
    world.release(0);
    release(&world, 0, || drop(arena));
    assert_eq!(LOG.take(), [], "nothing is dropped that the model has not");
}

fn config_limit(made: &ArenaConfig, asked: &ArenaConfig, arena: &Arena) -> usize {
    // The configuration does not say its limit, but that it is the one asked for.
    if made == asked && *made == ArenaConfig::new().limit(LIMIT) {
        return LIMIT;
    }
    arena.stats().reserved
}

const LIMIT: usize = 40_000;

fn config(tape: &Tape<'_>) -> ArenaConfig {
    let config = ArenaConfig::new();
    match tape.byte() % 6 {
        0 => config,
        1 => config.limit(LIMIT),
        2 => config.chunk(1).chunk_max(1),
        3 => config.chunk(4096).keep(10_000),
        4 => config.chunk(1).chunk_max(8192).limit(50_001).keep(0),
        _ => config.chunk(3 * 4096).prefault(true),
    }
}

/// Takes a checkpoint, if there is room.
fn note(world: &World, arena: &Arena, checkpoints: &mut Vec<Point>) {
    if let Ok(checkpoint) = arena.try_checkpoint() {
        let (values, serial) = (world.values_of(0), world.serial.get());
        checkpoints.push(Point {
            checkpoint,
            values,
            serial,
        });
    }
}

fn roll_back(world: &World, arena: &mut Arena, checkpoints: &mut Vec<Point>, index: usize) {
    let Point {
        checkpoint,
        values,
        serial,
    } = checkpoints[index];
    world
        .blocks
        .borrow_mut()
        .retain(|_, block| block.owner != 0 || block.serial < serial);
    release(world, values, || {
        assert_eq!(arena.rollback(checkpoint), Ok(()));
    });
    // Those that are the same place stay good.
    for gone in checkpoints.split_off(index + 1) {
        if gone.checkpoint == checkpoint {
            assert_eq!(gone.values, values);
            checkpoints.push(gone);
        } else {
            let refused = arena.rollback(gone.checkpoint);
            assert_eq!(refused, Err(RollbackError::RolledPast));
        }
    }
}

/// Ends what the arena itself owns, down to a number of its values, and says whether they were dropped so.
fn release(world: &World, down_to: usize, end: impl FnOnce()) {
    let expected = world.take_values(0, down_to);
    expect(&expected, end);
}

/// Does something in which these values are dropped, in this order, and no other; panics of theirs are caught.
fn expect(values: &[u64], end: impl FnOnce()) {
    let before = LOG.take();
    assert_eq!(before, [], "nothing is dropped that the model has not");
    let panicked = catch_unwind(AssertUnwindSafe(end));
    let dropped = LOG.take();
    if let Err(panic) = panicked {
        // A bomb's, or the message of an assertion.
        if panic.downcast_ref::<Exploded>().is_none() {
            resume_unwind(panic);
        }
    }
    assert_eq!(dropped, values, "dropped once, newest first");
}

/// What a checkpoint goes back to.
#[derive(Clone, Copy)]
struct Point {
    checkpoint: Checkpoint,
    values: usize,
    serial: u64,
}

/// The bytes of a program, of which the end is zeros.
struct Tape<'a> {
    bytes: &'a [u8],
    next: Cell<usize>,
}

impl Tape<'_> {
    fn byte(&self) -> u8 {
        let next = self.next.get();
        self.next.set(next + 1);
        self.bytes.get(next).copied().unwrap_or(0)
    }

    fn below(&self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    fn is_over(&self) -> bool {
        self.next.get() >= self.bytes.len()
    }

    /// Mostly small, seldom larger than a chunk.
    fn size(&self) -> usize {
        match self.byte() % 16 {
            0 => 0,
            1..=9 => self.below(64),
            10..=13 => self.below(256) * 7,
            14 => self.below(256) * 111,
            _ => self.below(256) * 1501,
        }
    }
}

thread_local! {
    /// The values that were dropped.
    static LOG: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// What a destructor panics with.
struct Exploded;

/// A value that says when it is dropped, in some bytes.
struct Noisy<const WIDTH: usize> {
    id: u64,
    magic: [u8; WIDTH],
}

impl<const WIDTH: usize> Noisy<WIDTH> {
    fn new(id: u64) -> Self {
        let magic = [id as u8; WIDTH];
        Self { id, magic }
    }
}

impl<const WIDTH: usize> Drop for Noisy<WIDTH> {
    fn drop(&mut self) {
        assert_eq!(
            self.magic, [self.id as u8; WIDTH],
            "overwritten while it lived"
        );
        LOG.with_borrow_mut(|log| log.push(self.id));
    }
}

impl<const WIDTH: usize> Clone for Noisy<WIDTH> {
    fn clone(&self) -> Self {
        Self::new(self.id)
    }
}

/// A value whose destructor panics, if none does at the moment.
struct Bomb(Noisy<3>);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert_eq!(self.0.magic, [self.0.id as u8; 3]);
        if !thread::panicking() {
            resume_unwind(Box::new(Exploded));
        }
    }
}

/// One that is aligned to more than the arena's unit.
#[repr(align(64))]
struct Wide(#[expect(dead_code, reason = "dropped, not read")] Noisy<1>);

/// One that takes no memory.
struct Nothing;

impl Drop for Nothing {
    fn drop(&mut self) {
        LOG.with_borrow_mut(|log| log.push(NOTHING));
    }
}

const NOTHING: u64 = u64::MAX;

/// The model.
#[derive(Default)]
struct World {
    /// Live blocks by address.
    blocks: RefCell<BTreeMap<usize, Block>>,
    /// Each owner's values, oldest first; items of an array together. Owner 0 is the arena.
    owners: RefCell<Vec<Vec<Vec<u64>>>>,
    serial: Cell<u64>,
    /// Whether a guard was forgotten.
    forgot: Cell<bool>,
}

struct Block {
    start: NonNull<u8>,
    len: usize,
    /// What all bytes are, if that is known.
    pattern: Option<u8>,
    owner: usize,
    serial: u64,
}

impl World {
    fn next(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    fn begin_owner(&self) -> usize {
        let mut owners = self.owners.borrow_mut();
        owners.push(Vec::new());
        owners.len() - 1
    }

    fn values_of(&self, owner: usize) -> usize {
        self.owners.borrow()[owner].len()
    }

    /// Takes an owner's values down to a number of them, in the order in which they are dropped.
    fn take_values(&self, owner: usize, down_to: usize) -> Vec<u64> {
        let ended = self.owners.borrow_mut()[owner].split_off(down_to);
        ended.into_iter().rev().flatten().collect()
    }

    fn owns(&self, owner: usize, values: Vec<u64>) {
        if !values.is_empty() {
            self.owners.borrow_mut()[owner].push(values);
        }
    }

    /// Forgets an owner's blocks, after a look at them.
    fn release(&self, owner: usize) {
        self.check();
        self.blocks
            .borrow_mut()
            .retain(|_, block| block.owner != owner);
    }

    /// A new block, in none that lives, is filled if that is allowed.
    fn insert(&self, owner: usize, start: NonNull<u8>, layout: Layout, fill: bool) {
        let (address, len) = (start.as_ptr().addr(), layout.size());
        assert!(address.is_multiple_of(layout.align()), "misaligned");
        if len == 0 {
            return;
        }
        let serial = self.next();
        let mut blocks = self.blocks.borrow_mut();
        let before = blocks.range(..address + len).next_back();
        if let Some((&other, block)) = before {
            assert!(other + block.len <= address, "two live blocks overlap");
        }
        let pattern = fill.then_some(serial as u8);
        if let Some(pattern) = pattern {
            // SAFETY: new memory of this length.
            unsafe { start.write_bytes(pattern, len) };
        }
        let block = Block {
            start,
            len,
            pattern,
            owner,
            serial,
        };
        blocks.insert(address, block);
    }

    fn remove(&self, address: usize) {
        self.blocks.borrow_mut().remove(&address);
    }

    /// All live blocks are what they were.
    fn check(&self) {
        for block in self.blocks.borrow().values() {
            let Some(pattern) = block.pattern else {
                continue;
            };
            let bytes = NonNull::slice_from_raw_parts(block.start, block.len);
            // SAFETY: written when it was new, live, and nobody writes to it.
            let bytes = unsafe { bytes.as_ref() };
            assert!(bytes.iter().all(|&byte| byte == pattern), "overwritten");
        }
    }

    fn live_bytes(&self) -> usize {
        self.blocks.borrow().values().map(|block| block.len).sum()
    }
}

/// Bytes in a collection that grows.
trait Growing {
    fn bytes(&mut self) -> &mut dyn BytesIn;
}

trait BytesIn {
    fn extend(&mut self, bytes: &[u8]) -> bool;
    fn truncate_to(&mut self, len: usize);
    fn shrink(&mut self);
    fn content(&self) -> &[u8];
    /// Start and length of its block.
    fn block(&self) -> (NonNull<u8>, usize);
}

impl<A: Allocator> Growing for VecIn<u8, A> {
    fn bytes(&mut self) -> &mut dyn BytesIn {
        self
    }
}

impl<A: Allocator> BytesIn for VecIn<u8, A> {
    fn extend(&mut self, bytes: &[u8]) -> bool {
        if self.try_reserve(bytes.len()).is_err() {
            return false;
        }
        self.extend_from_slice(bytes);
        true
    }

    fn truncate_to(&mut self, len: usize) {
        self.truncate(len);
    }

    fn shrink(&mut self) {
        self.shrink_to_fit();
    }

    fn content(&self) -> &[u8] {
        self
    }

    fn block(&self) -> (NonNull<u8>, usize) {
        let start = NonNull::new(self.as_ptr().cast_mut()).expect("it is never null");
        (start, self.capacity())
    }
}

/// What an arena and a scope have in common.
trait Face {
    fn layout(&self, layout: Layout) -> Option<NonNull<u8>>;
    #[expect(clippy::mut_from_ref, reason = "of new memory")]
    fn text(&self, text: &str) -> Option<&mut str>;
    #[expect(clippy::mut_from_ref, reason = "of new memory")]
    fn format(&self, number: u64, width: usize) -> Option<&mut str>;
    fn growing(&self) -> Box<dyn Growing + '_>;
    fn boxed(&self, value: Noisy<16>) -> Option<ArenaBox<'_, Noisy<16>>>;
    fn value(&self, kind: usize, id: u64) -> Option<(NonNull<u8>, Layout)>;
    fn value_with(&self, id: u64, f: &mut dyn FnMut()) -> Option<(NonNull<u8>, Layout)>;
    fn array(&self, len: usize, f: &mut dyn FnMut() -> u64) -> Option<(NonNull<u8>, Layout)>;
    fn clones(&self, ids: &[u64]) -> Option<(NonNull<u8>, Layout)>;
    fn items(
        &self,
        hint: usize,
        f: &mut dyn FnMut() -> Option<u64>,
    ) -> Option<(NonNull<u8>, Layout)>;
    fn guard(&self) -> ScopeGuard<'_>;
    fn scope(&self, f: &mut dyn FnMut(&Scope<'_>));
}

fn place<T: ?Sized>(value: &mut T) -> (NonNull<u8>, Layout) {
    (NonNull::from(&mut *value).cast(), Layout::for_value(value))
}

/// An iterator that says as few items as it likes.
struct Hinted<'a>(usize, &'a mut dyn FnMut() -> Option<u64>);

impl Iterator for Hinted<'_> {
    type Item = Noisy<5>;

    fn next(&mut self) -> Option<Noisy<5>> {
        (self.1)().map(Noisy::new)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0, Some(0))
    }
}

macro_rules! faces {
    ($($of:ty),*) => {$(
        impl Face for $of {
            fn layout(&self, layout: Layout) -> Option<NonNull<u8>> {
                self.try_alloc_layout(layout).ok()
            }

            fn text(&self, text: &str) -> Option<&mut str> {
                self.try_alloc_str(text).ok()
            }

            fn format(&self, number: u64, width: usize) -> Option<&mut str> {
                self.try_alloc_fmt(format_args!("{number}:{number:width$}")).ok()
            }

            fn growing(&self) -> Box<dyn Growing + '_> {
                Box::new(VecIn::new_in(self))
            }

            fn boxed(&self, value: Noisy<16>) -> Option<ArenaBox<'_, Noisy<16>>> {
                self.try_alloc_box(value).map_err(|full| mem::forget(full.into_inner())).ok()
            }

            fn value(&self, kind: usize, id: u64) -> Option<(NonNull<u8>, Layout)> {
                // Those that find no room are given back.
                match kind {
                    0 => self.try_alloc(Noisy::<8>::new(id)).map(place).map_err(|full| mem::forget(full.into_inner())).ok(),
                    1 => self.try_alloc(Noisy::<40>::new(id)).map(place).map_err(|full| mem::forget(full.into_inner())).ok(),
                    2 => self.try_alloc(Wide(Noisy::new(id))).map(place).map_err(|full| mem::forget(full.into_inner())).ok(),
                    3 => self.try_alloc(Bomb(Noisy::new(id))).map(place).map_err(|full| mem::forget(full.into_inner())).ok(),
                    _ => self.try_alloc(Nothing).map(place).map_err(|full| mem::forget(full.into_inner())).ok(),
                }
            }

            fn value_with(&self, id: u64, f: &mut dyn FnMut()) -> Option<(NonNull<u8>, Layout)> {
                let made = self.try_alloc_with(|| {
                    f();
                    Noisy::<8>::new(id)
                });
                made.map(place).ok()
            }

            fn array(&self, len: usize, f: &mut dyn FnMut() -> u64) -> Option<(NonNull<u8>, Layout)> {
                self.try_alloc_slice_fill_with(len, |_| Noisy::<8>::new(f())).map(place).ok()
            }

            fn clones(&self, ids: &[u64]) -> Option<(NonNull<u8>, Layout)> {
                let values: Vec<_> = ids.iter().map(|&id| Noisy::<9>::new(id)).collect();
                let cloned = self.try_alloc_slice_clone(&values).map(place).ok();
                values.into_iter().for_each(mem::forget);
                cloned
            }

            fn items(&self, hint: usize, f: &mut dyn FnMut() -> Option<u64>) -> Option<(NonNull<u8>, Layout)> {
                self.try_alloc_iter(Hinted(hint, f)).map(place).ok()
            }

            fn guard(&self) -> ScopeGuard<'_> {
                self.scope_guard()
            }

            fn scope(&self, f: &mut dyn FnMut(&Scope<'_>)) {
                self.scope(|scope| f(scope));
            }
        }
    )*};
}

faces!(Arena, Scope<'_>);

/// An open scope that programs may go back to from within inner ones.
trait Outer {
    fn allocate(&self, tape: &Tape<'_>);
    fn up(&self) -> Option<&dyn Outer>;
}

/// What grows, what it must hold, and its block's address.
type Collection<'a> = (Box<dyn Growing + 'a>, Vec<u8>, usize);

/// A scope that a program runs in, or the arena, and what is borrowed of it.
struct Level<'a> {
    face: &'a dyn Face,
    owner: usize,
    world: &'a World,
    up: Option<&'a dyn Outer>,
    growing: RefCell<Vec<Collection<'a>>>,
    boxes: RefCell<Vec<(u64, ArenaBox<'a, Noisy<16>>)>>,
}

impl Outer for Level<'_> {
    fn allocate(&self, tape: &Tape<'_>) {
        match tape.byte() % 8 {
            0 => self.begin_growing(tape),
            1 | 2 => self.grow(tape),
            3 => self.make_box(),
            4 => self.end_box(tape),
            _ => allocate(self.face, self.owner, self.world, tape),
        }
    }

    fn up(&self) -> Option<&dyn Outer> {
        self.up
    }
}

impl<'a> Level<'a> {
    fn new(face: &'a dyn Face, owner: usize, world: &'a World, up: Option<&'a dyn Outer>) -> Self {
        Self {
            face,
            owner,
            world,
            up,
            growing: RefCell::default(),
            boxes: RefCell::default(),
        }
    }

    /// Runs until the program says that this scope ends. Handles end with it; the rest is for the caller.
    fn run(&self, tape: &Tape<'_>, depth: usize) {
        let mut guards: Vec<(usize, ScopeGuard<'_>)> = Vec::new();
        while !tape.is_over() {
            match tape.byte() % 32 {
                0 => break,
                1 | 2 => guards.push((self.world.begin_owner(), self.face.guard())),
                3 | 4 if !guards.is_empty() => {
                    let index = tape.below(guards.len());
                    let (owner, guard) = guards.swap_remove(index);
                    self.end_guard(owner, guard, tape.byte());
                }
                5 | 6 if !guards.is_empty() => {
                    let (owner, guard) = &guards[tape.below(guards.len())];
                    allocate(&**guard, *owner, self.world, tape);
                }
                7 if !guards.is_empty() && depth < 8 => {
                    let (owner, guard) = &guards[tape.below(guards.len())];
                    Level::new(&**guard, *owner, self.world, Some(self)).run(tape, depth + 1);
                }
                8..=11 if depth < 8 => self.inner(tape, depth, false),
                12 if depth < 8 => self.inner(tape, depth, true),
                13..=16 => {
                    let mut outer: &dyn Outer = self;
                    for _ in 0..=tape.byte() % 4 {
                        outer = outer.up().unwrap_or(outer);
                    }
                    outer.allocate(tape);
                }
                17 => self.world.check(),
                _ => self.allocate(tape),
            }
        }
        for (owner, guard) in guards {
            self.end_guard(owner, guard, 1);
        }
        while !self.boxes.borrow().is_empty() {
            self.end_box(tape);
        }
        for (growing, held, address) in self.growing.take() {
            let mut growing = growing;
            assert_eq!(growing.bytes().content(), held);
            drop(growing);
            self.world.remove(address);
        }
    }

    fn end_guard(&self, owner: usize, guard: ScopeGuard<'_>, how: u8) {
        self.world.release(owner);
        let values = self.world.take_values(owner, 0);
        if how.is_multiple_of(8) {
            self.world.forgot.set(true);
            mem::forget(guard);
        } else {
            expect(&values, || drop(guard));
        }
    }

    /// A scope with a closure, which perhaps ends by a panic.
    fn inner(&self, tape: &Tape<'_>, depth: usize, panics: bool) {
        let owner = self.world.begin_owner();
        let mut expected = Vec::new();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.face.scope(&mut |scope| {
                Level::new(scope, owner, self.world, Some(self)).run(tape, depth + 1);
                self.world.release(owner);
                expected = self.world.take_values(owner, 0);
                assert_eq!(LOG.take(), [], "nothing is dropped before the end");
                if panics {
                    resume_unwind(Box::new(Exploded));
                }
            });
        }));
        let dropped = LOG.take();
        if let Err(panic) = ended
            && panic.downcast_ref::<Exploded>().is_none()
        {
            resume_unwind(panic);
        }
        assert_eq!(dropped, expected, "dropped once, newest first");
    }

    fn begin_growing(&self, tape: &Tape<'_>) {
        let mut growing = self.face.growing();
        let size = tape.size();
        let mut held = Vec::new();
        let address = self.fill(&mut *growing, &mut held, size, tape.byte());
        self.growing.borrow_mut().push((growing, held, address));
    }

    /// Appends bytes, if there is room. Returns where they lie.
    fn fill(&self, growing: &mut dyn Growing, held: &mut Vec<u8>, size: usize, byte: u8) -> usize {
        let bytes = growing.bytes();
        let more = vec![byte; size];
        if bytes.extend(&more) {
            held.extend(&more);
        }
        self.moved(growing)
    }

    fn moved(&self, growing: &mut dyn Growing) -> usize {
        let (start, capacity) = growing.bytes().block();
        let layout = Layout::array::<u8>(capacity).expect("it is there");
        self.world.insert(self.owner, start, layout, false);
        start.as_ptr().addr()
    }

    fn grow(&self, tape: &Tape<'_>) {
        let mut all = self.growing.borrow_mut();
        if all.is_empty() {
            return;
        }
        let index = tape.below(all.len());
        let (growing, held, address) = &mut all[index];
        assert_eq!(growing.bytes().content(), &held[..]);
        self.world.remove(*address);
        *address = match tape.byte() % 8 {
            0 => {
                drop(all.swap_remove(index));
                return;
            }
            1 => {
                let len = tape.byte().into();
                growing.bytes().truncate_to(len);
                held.truncate(len);
                self.moved(&mut **growing)
            }
            2 => {
                growing.bytes().shrink();
                self.moved(&mut **growing)
            }
            _ => self.fill(&mut **growing, held, tape.size(), tape.byte()),
        };
        assert_eq!(growing.bytes().content(), &held[..]);
    }

    fn make_box(&self) {
        let id = self.world.next();
        if let Some(mut boxed) = self.face.boxed(Noisy::new(id)) {
            let (start, layout) = place(&mut *boxed);
            self.world.insert(self.owner, start, layout, false);
            self.boxes.borrow_mut().push((id, boxed));
        }
    }

    fn end_box(&self, tape: &Tape<'_>) {
        let mut boxes = self.boxes.borrow_mut();
        if boxes.is_empty() {
            return;
        }
        let index = tape.below(boxes.len());
        let (id, mut boxed) = boxes.swap_remove(index);
        let (start, _) = place(&mut *boxed);
        self.world.remove(start.as_ptr().addr());
        match tape.byte() % 4 {
            0 => mem::forget(boxed),
            1 => {
                let value = ArenaBox::into_inner(boxed);
                expect(&[], || {});
                expect(&[id], || drop(value));
            }
            _ => expect(&[id], || drop(boxed)),
        }
    }
}

/// Allocates something that nobody holds a handle of.
fn allocate(face: &dyn Face, owner: usize, world: &World, tape: &Tape<'_>) {
    let inserted = |(start, layout): (NonNull<u8>, Layout)| {
        world.insert(owner, start, layout, false);
    };
    match tape.byte() % 16 {
        0..=3 => {
            let align = 1 << tape.below(14);
            let layout = Layout::from_size_align(tape.size(), align).expect("a small one");
            if let Some(block) = face.layout(layout) {
                world.insert(owner, block, layout, true);
            }
        }
        4 => {
            let text = "text".repeat(tape.size() / 4);
            if let Some(copy) = face.text(&text) {
                assert_eq!(*copy, *text);
                inserted(place(copy));
            }
        }
        5 => {
            let (number, width) = (tape.byte().into(), tape.size().min(500));
            if let Some(text) = face.format(number, width) {
                assert_eq!(*text, *format!("{number}:{number:width$}"));
                inserted(place(text));
            }
        }
        6 => {
            // Something else is allocated, of the same memory, while the value is made.
            let id = world.next();
            let made = face.value_with(id, &mut || {
                allocate_plain(face, owner, world, tape);
                make_value(face, owner, world, 1);
            });
            if let Some(made) = made {
                inserted(made);
                world.owns(owner, vec![id]);
            }
        }
        7 => {
            let mut ids = Vec::new();
            let len = tape.below(20);
            let panics = tape.byte().is_multiple_of(8);
            let made = catch_unwind(AssertUnwindSafe(|| {
                face.array(len, &mut || {
                    if panics && ids.len() == 5 {
                        resume_unwind(Box::new(Exploded));
                    }
                    ids.push(world.next());
                    ids[ids.len() - 1]
                })
            }));
            match made {
                Ok(Some(made)) => {
                    inserted(made);
                    world.owns(owner, ids);
                }
                Ok(None) => assert!(ids.is_empty(), "no room, and yet called"),
                Err(_) => assert_eq!(LOG.take(), ids),
            }
        }
        8 => {
            let ids: Vec<u64> = (0..tape.below(12)).map(|_| world.next()).collect();
            if let Some(made) = face.clones(&ids) {
                inserted(made);
                world.owns(owner, ids);
            }
        }
        9 | 10 => items(face, owner, world, tape),
        kind => {
            let run = tape.below(6);
            for _ in 0..=run {
                make_value(face, owner, world, usize::from(kind - 11));
            }
        }
    }
}

/// An iterator that allocates, or panics, meanwhile.
fn items(face: &dyn Face, owner: usize, world: &World, tape: &Tape<'_>) {
    let mut ids = Vec::new();
    let (len, hint) = (tape.below(40), tape.below(50));
    let (allocates, panics) = (tape.below(4), tape.byte().is_multiple_of(8));
    let guard_at = tape.below(60);
    let mut guard = None;
    let made = catch_unwind(AssertUnwindSafe(|| {
        face.items(hint, &mut || {
            if allocates == 0 {
                allocate_plain(face, owner, world, tape);
            }
            if ids.len() == guard_at {
                // A scope that begins amid it, and ends after or amid it.
                guard = match guard.take() {
                    None => Some(face.guard()),
                    Some(_) => None,
                };
            }
            if panics && ids.len() == 7 {
                resume_unwind(Box::new(Exploded));
            }
            (ids.len() < len).then(|| {
                ids.push(world.next());
                ids[ids.len() - 1]
            })
        })
    }));
    match made {
        Ok(Some(made)) => {
            world.insert(owner, made.0, made.1, false);
            world.owns(owner, ids);
        }
        // The one that there was no room for is dropped first, or after the others.
        Ok(None) => {
            let mut dropped = LOG.take();
            dropped.sort_unstable();
            assert_eq!(dropped, ids);
        }
        Err(_) => assert_eq!(LOG.take(), ids),
    }
}

fn allocate_plain(face: &dyn Face, owner: usize, world: &World, tape: &Tape<'_>) {
    let layout = Layout::from_size_align(tape.below(200), 1).expect("a small one");
    if let Some(block) = face.layout(layout) {
        world.insert(owner, block, layout, true);
    }
}

fn make_value(face: &dyn Face, owner: usize, world: &World, kind: usize) {
    let id = world.next();
    if let Some((start, layout)) = face.value(kind, id) {
        world.insert(owner, start, layout, false);
        world.owns(owner, vec![if kind > 3 { NOTHING } else { id }]);
    }
}
