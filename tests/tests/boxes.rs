//! `PoolBox`'s own functions, one by one.

use pool::{PoolBox, Pooled};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io::{BufRead, Cursor, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use tests::{Census, Member};

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pooled)]
struct Order {
    id: u64,
    price: i64,
    qty: u32,
}

fn order(id: u64) -> Order {
    Order {
        id,
        price: 10_000,
        qty: 5,
    }
}

#[test]
fn a_box_is_its_object() {
    let mut boxed = PoolBox::new(order(1));
    boxed.qty += 1;
    assert_eq!((boxed.id, boxed.qty), (1, 6));
    assert_eq!(PoolBox::into_inner(boxed).qty, 6);
    assert_eq!(PoolBox::try_new(order(2)).unwrap().id, 2);
    assert_eq!(PoolBox::new_with(|| order(3)).id, 3);
    assert_eq!(PoolBox::try_new_with(|| order(4)).unwrap().id, 4);
    assert_eq!(PoolBox::<Order>::default(), PoolBox::new(Order::default()));
    assert_eq!(PoolBox::from(order(5)), order(5).into());
}

#[test]
fn one_pointer_wide_and_so_is_an_option() {
    assert_eq!(size_of::<PoolBox<Order>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<PoolBox<Order>>>(), size_of::<usize>());
}

#[test]
fn raw_and_back() {
    let boxed = PoolBox::new(order(1));
    let address = PoolBox::as_ptr(&boxed);
    let raw = PoolBox::into_raw(boxed);
    assert_eq!(raw.cast_const(), address);
    // SAFETY: it came from `into_raw` just above.
    let boxed = unsafe { PoolBox::from_raw(raw) };
    assert_eq!(boxed.id, 1);
}

#[test]
fn leaked_for_ever_or_taken_back() {
    let leaked: &'static mut Order = PoolBox::leak(PoolBox::new(order(1)));
    leaked.qty = 9;
    // SAFETY: it was leaked from a box just above, and the reference is not used again.
    let back = unsafe { PoolBox::from_raw(leaked) };
    assert_eq!(back.qty, 9);
}

#[test]
fn uninitialised_first() {
    let mut uninit: PoolBox<MaybeUninit<Order>> = PoolBox::<Order>::new_uninit();
    uninit.write(order(1));
    // SAFETY: written just above.
    let boxed = unsafe { uninit.assume_init() };
    assert_eq!(boxed.id, 1);
    let uninit = PoolBox::<Order>::try_new_uninit().unwrap();
    assert_eq!(PoolBox::write(uninit, order(2)).id, 2);
    drop(PoolBox::<Order>::new_uninit());
}

#[derive(Pooled)]
struct Counted(#[expect(dead_code, reason = "dropped, not read")] Member);

#[test]
fn an_uninitialised_box_drops_nothing_and_a_written_one_does() {
    let census = Census::new();
    let live = || Counted::pool().len();
    drop(PoolBox::<Counted>::new_uninit());
    let boxed = PoolBox::write(PoolBox::new_uninit(), Counted(census.member()));
    assert_eq!((census.alive(), live()), (1, 1));
    drop(boxed);
    assert_eq!((census.alive(), live()), (0, 0));
    let forgotten = PoolBox::new(Counted(census.member()));
    let raw = PoolBox::as_ptr(&forgotten).cast_mut();
    std::mem::forget(forgotten);
    assert_eq!(
        (census.alive(), live()),
        (1, 1),
        "neither dropped nor returned"
    );
    // SAFETY: forgotten just above, as good as leaked; taken back once.
    drop(unsafe { PoolBox::from_raw(raw) });
    assert_eq!((census.alive(), live()), (0, 0));
}

#[test]
fn pinned() {
    let pinned: Pin<PoolBox<Order>> = PoolBox::into_pin(PoolBox::new(order(1)));
    assert_eq!(pinned.id, 1);
    assert_eq!(PoolBox::pin(order(2)).id, 2);
    let from: Pin<PoolBox<Order>> = PoolBox::new(order(3)).into();
    assert_eq!(from.id, 3);
}

#[test]
fn compares_hashes_and_prints_as_its_object() {
    let (one, two) = (PoolBox::new(order(1)), PoolBox::new(order(2)));
    assert!(one < two && one != two && one == one.clone());
    assert_eq!(one.cmp(&two), order(1).cmp(&order(2)));
    assert_eq!(one.partial_cmp(&two), order(1).partial_cmp(&order(2)));
    let state = RandomState::new();
    assert_eq!(state.hash_one(&one), state.hash_one(order(1)));
    assert_eq!(format!("{one:?}"), format!("{:?}", order(1)));
    assert_eq!(format!("{one:p}"), format!("{:p}", PoolBox::as_ptr(&one)));
    let mut other = PoolBox::new(order(7));
    let address = PoolBox::as_ptr(&other);
    other.clone_from(&one);
    assert_eq!((&other, PoolBox::as_ptr(&other)), (&one, address));
}

#[test]
fn lends_its_object() {
    use std::borrow::{Borrow, BorrowMut};
    let mut boxed = PoolBox::new(order(1));
    assert_eq!(AsRef::<Order>::as_ref(&boxed).id, 1);
    AsMut::<Order>::as_mut(&mut boxed).id = 2;
    assert_eq!(Borrow::<Order>::borrow(&boxed).id, 2);
    BorrowMut::<Order>::borrow_mut(&mut boxed).id = 3;
    assert_eq!(boxed.id, 3);
}

#[derive(Pooled)]
struct Countdown(u32);

impl Iterator for Countdown {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0 = self.0.checked_sub(1)?;
        Some(self.0)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0 as usize, Some(self.0 as usize))
    }
}

impl DoubleEndedIterator for Countdown {
    fn next_back(&mut self) -> Option<u32> {
        self.next()
    }
}

impl ExactSizeIterator for Countdown {}
impl std::iter::FusedIterator for Countdown {}

#[test]
fn iterates() {
    fn is_fused(_: &impl std::iter::FusedIterator) {}
    let mut iterator = PoolBox::new(Countdown(5));
    is_fused(&iterator);
    assert_eq!((iterator.len(), iterator.size_hint()), (5, (5, Some(5))));
    assert_eq!((iterator.next(), iterator.nth(1)), (Some(4), Some(2)));
    assert_eq!(
        (iterator.next_back(), iterator.nth_back(0)),
        (Some(1), Some(0))
    );
    assert_eq!((iterator.next(), iterator.next()), (None, None));
}

#[derive(Pooled)]
struct Ready(std::future::Ready<u32>);

impl Future for Ready {
    type Output = u32;

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<u32> {
        Pin::new(&mut self.0).poll(context)
    }
}

#[test]
fn is_a_future() {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = PoolBox::new(Ready(std::future::ready(7)));
    assert_eq!(
        Pin::new(&mut future).poll(&mut context),
        std::task::Poll::Ready(7)
    );
}

#[derive(Debug, Pooled)]
struct Failure(std::num::ParseIntError);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a price: {}", self.0)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn is_an_error() {
    let failure = Failure("x".parse::<i64>().unwrap_err());
    let said = failure.to_string();
    let error: Box<dyn std::error::Error> = Box::new(PoolBox::new(failure));
    assert_eq!(error.to_string(), said);
    assert!(error.source().is_some());
}

#[derive(Pooled)]
struct Fnv(std::hash::DefaultHasher);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

#[test]
fn is_a_hasher() {
    let mut plain = Fnv(std::hash::DefaultHasher::new());
    let mut boxed = PoolBox::new(Fnv(std::hash::DefaultHasher::new()));
    (1_u8, 2_u64, "three", -4_i32).hash(&mut plain);
    (1_u8, 2_u64, "three", -4_i32).hash(&mut boxed);
    assert_eq!(plain.finish(), boxed.finish());
}

#[derive(Pooled)]
struct Buffer(Cursor<Vec<u8>>);

impl Read for Buffer {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Buffer {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Buffer {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(position)
    }
}

impl BufRead for Buffer {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

#[test]
fn reads_and_writes() {
    let mut buffer = PoolBox::new(Buffer(Cursor::default()));
    write!(buffer, "8=FIX.4.4\n35=D\n").unwrap();
    buffer.rewind().unwrap();
    let mut line = String::new();
    buffer.read_line(&mut line).unwrap();
    let mut rest = String::new();
    buffer.read_to_string(&mut rest).unwrap();
    assert_eq!((line.as_str(), rest.as_str()), ("8=FIX.4.4\n", "35=D\n"));
}
