//! Handles that do not say whose object it is.

use pool::{ErasedArc, ErasedBox, PoolArc, PoolBox, Pooled, Recycle, erase};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::hash::{BuildHasher, RandomState};
use std::io::{Cursor, Read, Write};
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::MutexGuard;
use std::thread;
use tests::{Census, Member, join_all, scaled};

trait Shape: Any {
    fn area(&self) -> u64;
    fn grow(&mut self) {}
}

// As `Box<U>` and `Arc<U>` are.
assert_impl_all!(ErasedBox<[u8]>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ErasedBox<dyn Shape + Send + Sync>: Send, Sync, Unpin);
assert_impl_all!(ErasedBox<dyn Shape + Send>: Send, Unpin);
assert_not_impl_any!(ErasedBox<dyn Shape + Send>: Sync, UnwindSafe, RefUnwindSafe, Copy, Clone);
assert_impl_all!(ErasedBox<dyn Shape + Sync>: Sync);
assert_not_impl_any!(ErasedBox<dyn Shape + Sync>: Send);
assert_not_impl_any!(ErasedBox<dyn Shape>: Send, Sync);
assert_not_impl_any!(ErasedBox<[Rc<u8>]>: Send, Sync);
assert_impl_all!(ErasedBox<Cell<u8>>: Send, UnwindSafe);
assert_not_impl_any!(ErasedBox<Cell<u8>>: Sync, RefUnwindSafe);
assert_impl_all!(ErasedBox<MutexGuard<'static, u8>>: Sync);
assert_not_impl_any!(ErasedBox<MutexGuard<'static, u8>>: Send);
assert_impl_all!(ErasedBox<PhantomPinned>: Unpin);
assert_not_impl_any!(ErasedBox<&'static mut u8>: UnwindSafe);

assert_impl_all!(ErasedArc<[u8]>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone);
assert_impl_all!(ErasedArc<dyn Shape + Send + Sync>: Send, Sync, Clone, Unpin);
assert_not_impl_any!(ErasedArc<dyn Shape + Send>: Send, Sync);
assert_not_impl_any!(ErasedArc<dyn Shape + Sync>: Send, Sync);
assert_not_impl_any!(ErasedArc<Cell<u8>>: Send, Sync, UnwindSafe);
assert_not_impl_any!(ErasedArc<MutexGuard<'static, u8>>: Send, Sync);
assert_impl_all!(ErasedArc<PhantomPinned>: Unpin);

#[test]
fn sizes() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<ErasedBox<dyn Shape>>(), 4 * word);
    assert_eq!(size_of::<Option<ErasedBox<[u8]>>>(), 4 * word);
    assert_eq!(size_of::<ErasedBox<u8>>(), 3 * word);
    assert_eq!(size_of::<ErasedArc<dyn Shape>>(), 4 * word);
    assert_eq!(size_of::<Option<ErasedArc<str>>>(), 4 * word);
    assert_eq!(size_of::<ErasedArc<u8>>(), 3 * word);
}

macro_rules! shape {
    ($name:ident, $attributes:tt, $area:expr) => {
        #[derive(Debug, Pooled)]
        #[pool $attributes]
        struct $name(u64, #[expect(dead_code, reason = "dropped, not read")] Member);

        impl Shape for $name {
            fn area(&self) -> u64 {
                let area: fn(u64) -> u64 = $area;
                area(self.0)
            }

            fn grow(&mut self) {
                self.0 += 1;
            }
        }
    };
}

shape!(Square, (capacity = 64), |side| side * side);
shape!(Circle, (capacity = 64), |radius| 3 * radius * radius);

#[test]
fn objects_of_several_types_in_one_list() {
    let census = Census::new();
    let mut shapes: Vec<ErasedBox<dyn Shape>> = Vec::new();
    for n in 0..20 {
        shapes.push(erase!(PoolBox::new(Square(n, census.member())), dyn Shape));
        shapes.push(erase!(PoolBox::new(Circle(n, census.member())), dyn Shape));
    }
    assert_eq!((Square::pool().len(), Circle::pool().len()), (20, 20));
    for shape in &mut shapes {
        shape.grow();
    }
    let area: u64 = shapes.iter().map(|shape| shape.area()).sum();
    assert_eq!(area, (1..=20).map(|n| 4 * n * n).sum());
    shapes.truncate(3);
    assert_eq!(census.alive(), 3);
    assert_eq!((Square::pool().len(), Circle::pool().len()), (2, 1));
    drop(shapes);
    assert_eq!(census.alive(), 0);
    assert_eq!((Square::pool().len(), Circle::pool().len()), (0, 0));
}

shape!(Erased, (capacity = 64), |side| side);

#[test]
fn erased_twice() {
    let census = Census::new();
    let shape = erase!(
        PoolBox::new(Erased(7, census.member())),
        dyn Shape + Send + Sync
    );
    let address = ErasedBox::as_ptr(&shape).cast::<()>();
    let shape: ErasedBox<dyn Shape + Send> = erase!(shape, dyn Shape + Send);
    let any = erase!(shape, dyn Any);
    assert_eq!(ErasedBox::as_ptr(&any).cast(), address);
    assert_eq!(any.downcast_ref::<Erased>().unwrap().0, 7);
    let same = erase!(any, dyn Any,);
    assert!(ErasedBox::is::<Erased>(&same));
    drop(same);
    assert_eq!((census.alive(), Erased::pool().len()), (0, 0));
}

#[derive(Debug, Pooled)]
#[pool(capacity = 16)]
struct Inner(u64);

#[derive(Debug, Pooled)]
#[pool(capacity = 16)]
#[repr(C)]
struct Packet {
    inner: Inner,
    bytes: [u8; 12],
    name: String,
    _member: Member,
}

fn packet(census: &Census) -> PoolBox<Packet> {
    PoolBox::new(Packet {
        inner: Inner(1),
        bytes: *b"hello, world",
        name: "name".into(),
        _member: census.member(),
    })
}

#[test]
fn parts() {
    let census = Census::new();
    let mut bytes = PoolBox::map(packet(&census), |packet| &mut packet.bytes[..]);
    bytes[0] = b'H';
    assert_eq!(&*bytes, b"Hello, world");
    let world = ErasedBox::map(bytes, |bytes| &mut bytes[7..]);
    let mut world = ErasedBox::map(world, |bytes| str::from_utf8_mut(bytes).unwrap());
    world.make_ascii_uppercase();
    assert_eq!((&*world, world.to_string()), ("WORLD", "WORLD".into()));
    assert_eq!(census.alive(), 1);

    let back: PoolBox<Packet> = ErasedBox::downcast(world).unwrap();
    assert_eq!(&back.bytes, b"Hello, WORLD");

    // All of an array is a slice of it.
    let array: ErasedBox<[u8; 12]> = PoolBox::map(back, |packet| &mut packet.bytes);
    let slice: ErasedBox<[u8]> = erase!(array, [u8]);
    assert_eq!(slice.len(), 12);
    drop(slice);
    assert_eq!(census.alive(), 0);

    // What a reference leads to that is not in the object at all.
    let nothing = PoolBox::map(packet(&census), |_| &mut [][..]);
    let _: &ErasedBox<[u8]> = &nothing;
    assert_eq!((nothing.len(), census.alive()), (0, 1));
    drop(nothing);
    assert_eq!(census.alive(), 0);
}

#[test]
fn a_part_is_not_the_object() {
    let census = Census::new();
    let whole = packet(&census);
    let address = PoolBox::as_ptr(&whole);
    let inner = PoolBox::map(whole, |packet| &mut packet.inner);
    // It is an `Inner`, at the address of a slot, but not of its pool.
    assert_eq!(ErasedBox::as_ptr(&inner).addr(), address.addr());
    let any = erase!(inner, dyn Any);
    assert_eq!(any.downcast_ref::<Inner>().map(|inner| inner.0), Some(1));
    assert!(!ErasedBox::is::<Inner>(&any));
    let any = ErasedBox::downcast::<Inner>(any).unwrap_err();
    let packet = ErasedBox::downcast::<Packet>(any).unwrap();
    assert_eq!((&*packet.name, census.alive()), ("name", 1));
    assert_eq!(Inner::pool().len(), 0);
}

#[derive(Debug, Pooled)]
#[pool(capacity = 4, shared)]
struct Fragile(#[expect(dead_code, reason = "dropped, not read")] Member);

#[test]
fn a_panic_while_looking_for_a_part_drops_the_object() {
    let census = Census::new();
    for _ in 0..10 {
        let boxed = PoolBox::new(Fragile(census.member()));
        let result = catch_unwind(AssertUnwindSafe(|| {
            PoolBox::map(boxed, |_| -> &mut u8 { panic!("there is none") })
        }));
        assert!(result.is_err() && census.alive() == 0);

        let owner = PoolArc::new(Fragile(census.member()));
        let other = owner.clone();
        let result = catch_unwind(AssertUnwindSafe(|| {
            PoolArc::map(owner, |_| -> &u8 { panic!("there is none") })
        }));
        assert!(result.is_err() && census.alive() == 1);
        assert_eq!(PoolArc::strong_count(&other), 1);
    }
    assert_eq!((census.alive(), Fragile::pool().len()), (0, 0));
}

#[derive(Pooled)]
#[pool(capacity = 4, shared)]
struct Bomb(#[expect(dead_code, reason = "dropped, not read")] Member);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("boom");
        }
    }
}

#[test]
fn a_destructor_that_panics_returns_the_slot() {
    let census = Census::new();
    for _ in 0..10 {
        let erased = erase!(PoolBox::new(Bomb(census.member())), dyn Any);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(erased))).is_err());
        let erased = erase!(PoolArc::new(Bomb(census.member())), dyn Any);
        let other = erased.clone();
        drop(erased);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(other))).is_err());
        assert_eq!((census.alive(), Bomb::pool().len()), (0, 0));
    }
}

shape!(Traveller, (capacity = 1024), |side| side);

#[test]
fn dropped_on_another_thread() {
    let census = Census::new();
    let count = scaled(1000, 50) as u64;
    let shapes: Vec<ErasedBox<dyn Shape + Send>> = (0..count)
        .map(|n| {
            erase!(
                PoolBox::new(Traveller(n, census.member())),
                dyn Shape + Send
            )
        })
        .collect();
    let sum = thread::spawn(move || shapes.iter().map(|shape| shape.area()).sum::<u64>());
    assert_eq!(sum.join().unwrap(), count * (count - 1) / 2);
    assert_eq!((census.alive(), Traveller::pool().len()), (0, 0));
}

#[derive(Debug, Pooled)]
#[pool(capacity = 256, shared)]
struct Book {
    bids: Vec<u64>,
    name: String,
    _member: Member,
}

impl Shape for Book {
    fn area(&self) -> u64 {
        self.bids.iter().sum()
    }
}

fn book(census: &Census) -> PoolArc<Book> {
    PoolArc::new(Book {
        bids: vec![99, 98],
        name: "XLM".into(),
        _member: census.member(),
    })
}

#[test]
fn owners_that_see_different_things() {
    let census = Census::new();
    let mut book = book(&census);
    let key = PoolArc::downgrade(&book);
    let bids = PoolArc::map(book.clone(), |book| &book.bids[..]);
    let best = ErasedArc::map(bids.clone(), |bids| &bids[0]);
    let shape = erase!(book.clone(), dyn Shape + Send + Sync);
    let name = PoolArc::map(book.clone(), |book| &book.name);
    let text: ErasedArc<dyn Display> = erase!(name, dyn Display);
    assert_eq!((bids.len(), *best, shape.area()), (2, 99, 197));
    assert_eq!(
        (text.to_string(), PoolArc::strong_count(&book)),
        ("XLM".into(), 5)
    );
    assert_eq!(ErasedArc::strong_count(&best), 5);
    assert!(ErasedArc::ptr_eq(&best, &shape));
    assert!(!ErasedArc::ptr_eq(
        &best,
        &ErasedArc::from(self::book(&census))
    ));
    assert!(std::ptr::eq(
        ErasedArc::as_ptr(&best),
        &raw const book.bids[0]
    ));

    // As long as there are others, nobody has it for himself.
    assert!(PoolArc::get_mut(&mut book).is_none());
    let book = PoolArc::try_unwrap(book).unwrap_err();
    drop(book);
    let book = ErasedArc::downcast::<Book>(shape).ok().unwrap();
    assert!(
        key.upgrade()
            .is_some_and(|owner| PoolArc::ptr_eq(&owner, &book))
    );
    drop((bids, best, text));
    assert_eq!((PoolArc::strong_count(&book), census.alive()), (1, 1));
    let last = erase!(book, dyn Any);
    let last = ErasedArc::downcast::<Fragile>(last).unwrap_err();
    assert!(!ErasedArc::is::<Fragile>(&last) && ErasedArc::is::<Book>(&last));
    drop(last);
    assert!(key.upgrade().is_none());
    assert_eq!(census.alive(), 0);
}

#[derive(Pooled)]
#[pool(capacity = 64, shared)]
struct Contended(
    [u64; 4],
    #[expect(dead_code, reason = "dropped, not read")] Member,
);

#[test]
fn owners_on_many_threads() {
    let census = Census::new();
    for round in 0..scaled(200, 5) as u64 {
        let whole = PoolArc::new(Contended([round; 4], census.member()));
        let part: ErasedArc<[u64]> = PoolArc::map(whole.clone(), |object| &object.0[..]);
        thread::scope(|scope| {
            let work = |part: ErasedArc<[u64]>| {
                let copies: Vec<_> = (0..10).map(|_| part.clone()).collect();
                drop(part);
                assert!(copies.iter().all(|copy| copy[3] == round));
            };
            let threads: Vec<_> = (0..3)
                .map(|_| part.clone())
                .map(|part| scope.spawn(move || work(part)))
                .collect();
            drop(whole);
            drop(part);
            join_all(threads);
        });
        assert_eq!(census.alive(), 0);
    }
    assert_eq!(Contended::pool().len(), 0);
}

#[derive(Debug, Default, Pooled)]
#[pool(capacity = 8, recycle)]
struct Reply(Vec<u8>);

impl Recycle for Reply {
    fn recycle(&mut self) {
        self.0.clear();
    }
}

#[derive(Debug, Pooled)]
#[pool(capacity = 1, magazine = 1, on_full = "heap")]
struct Spilling(u64);

#[derive(Pooled)]
#[pool(shared)]
struct Nothing;

#[derive(Pooled)]
#[pool(shared)]
#[repr(align(256))]
struct Aligned(u8);

#[test]
fn whatever_the_type_does_with_its_slots() {
    let mut reply = Reply::pool().take();
    reply.0.extend_from_slice(&[0; 100]);
    let address = PoolBox::as_ptr(&reply);
    drop(PoolBox::map(reply, |reply| &mut reply.0[..]));
    let again = Reply::pool().take();
    assert_eq!(PoolBox::as_ptr(&again), address);
    let again = PoolBox::into_inner(again);
    assert!(again.0.is_empty() && again.0.capacity() >= 100);

    let all: Vec<ErasedBox<dyn Debug + Send>> = (0..scaled(100, 10) as u64)
        .map(|n| erase!(PoolBox::new(Spilling(n)), dyn Debug + Send))
        .collect();
    let last = all.into_iter().last().unwrap();
    assert_eq!(format!("{last:?}"), format!("Spilling({})", scaled(99, 9)));
    let last = ErasedBox::downcast::<Spilling>(last).unwrap();
    assert_eq!(last.0, scaled(99, 9) as u64);

    let nothing = erase!(PoolBox::new(Nothing), dyn Any);
    assert!(nothing.is::<Nothing>());
    drop(nothing);
    let nothing = erase!(PoolArc::new(Nothing), dyn Any);
    assert!(nothing.clone().is::<Nothing>());
    drop(nothing);
    assert_eq!(Nothing::pool().len(), 0);

    let aligned = erase!(PoolArc::new(Aligned(7)), dyn Any);
    let aligned = ErasedArc::downcast::<Aligned>(aligned.clone()).unwrap();
    assert_eq!((PoolArc::as_ptr(&aligned).addr() % 256, aligned.0), (0, 7));
}

#[derive(Pooled)]
struct Local(Rc<Cell<u64>>);

impl Shape for Local {
    fn area(&self) -> u64 {
        self.0.get()
    }
}

#[test]
fn an_object_of_this_thread() {
    let number = Rc::new(Cell::new(7));
    let shape: ErasedBox<dyn Shape> = erase!(PoolBox::new(Local(number.clone())), dyn Shape);
    number.set(8);
    assert_eq!((shape.area(), Rc::strong_count(&number)), (8, 2));
    drop(shape);
    assert_eq!(Rc::strong_count(&number), 1);
}

#[derive(Pooled)]
struct Leaked(u64);

#[test]
fn leaked_for_ever() {
    let number: &'static mut u64 =
        ErasedBox::leak(PoolBox::map(PoolBox::new(Leaked(7)), |leaked| {
            &mut leaked.0
        }));
    *number += 1;
    assert_eq!((*number, Leaked::pool().len()), (8, 1));
}

/// What a `Box` can be used for.
#[derive(Debug, Pooled)]
struct Everything {
    numbers: std::ops::Range<u32>,
    file: Cursor<Vec<u8>>,
    words: [u8; 4],
}

impl Everything {
    fn new(words: &[u8; 4]) -> PoolBox<Self> {
        PoolBox::new(Self {
            numbers: 0..5,
            file: Cursor::new(Vec::new()),
            words: *words,
        })
    }
}

#[derive(Debug, Pooled)]
struct Failure(u32);

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failure {}", self.0)
    }
}

impl Error for Failure {}

const TEXT: &str = "text";

#[test]
fn what_boxes_pass_on() {
    let numbers = PoolBox::map(Everything::new(b"abcd"), |all| &mut all.numbers);
    let mut numbers: ErasedBox<dyn DoubleEndedIterator<Item = u32>> =
        erase!(numbers, dyn DoubleEndedIterator<Item = u32>);
    assert_eq!((numbers.next(), numbers.next_back()), (Some(0), Some(4)));
    assert_eq!(
        (numbers.nth(1), numbers.size_hint()),
        (Some(2), (1, Some(1)))
    );
    assert_eq!(numbers.collect::<Vec<_>>(), [3]);

    let file = PoolBox::map(Everything::new(b"abcd"), |all| &mut all.file);
    let mut file = erase!(file, dyn Write);
    write!(file, "some {}", TEXT).unwrap();
    let mut all = ErasedBox::downcast::<Everything>(file).ok().unwrap();
    all.file.set_position(5);
    let mut file = erase!(PoolBox::map(all, |all| &mut all.file), dyn Read);
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, TEXT);

    let words = |words| PoolBox::map(Everything::new(words), |all| &mut all.words[..]);
    let (one, two) = (words(b"abcd"), words(b"abce"));
    assert!(one < two && one != two && one == words(b"abcd"));
    assert_eq!(one.cmp(&two), (*one).cmp(&*two));
    let state = RandomState::new();
    assert_eq!(state.hash_one(&one), state.hash_one(&*one));
    let set: HashSet<ErasedBox<[u8]>> = [one, two].into();
    assert!(set.contains(&b"abce"[..]) && !set.contains(&b"none"[..]));
    let three = words(b"abcd");
    assert_eq!(
        format!("{three:p}"),
        format!("{:p}", ErasedBox::as_ptr(&three))
    );

    let error = erase!(PoolBox::new(Failure(7)), dyn Error + Send + Sync);
    let boxed: Box<dyn Error> = Box::new(error);
    assert_eq!(boxed.to_string(), "failure 7");
}

type Call = fn(u32) -> u32;

#[derive(Pooled)]
struct Callback(Call, RefCell<Vec<u32>>);

#[test]
fn a_function_is_called_by_what_it_is_behind() {
    let callback = PoolBox::new(Callback(|n| n + 1, RefCell::default()));
    let function: ErasedBox<Call> = PoolBox::map(callback, |callback| &mut callback.0);
    let function = erase!(function, dyn Fn(u32) -> u32);
    assert_eq!((*function)(7), 8);
    let callback = ErasedBox::downcast::<Callback>(function).ok().unwrap();
    assert!(callback.1.borrow().is_empty());
}
