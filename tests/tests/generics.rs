//! Generic types: each instantiation that is listed has a pool of its own.

use pool::{PoolBox, PoolConfig, Pooled};
use std::any::Any;
use std::cell::Cell;
use std::fmt::Display;
use std::marker::PhantomData;
use std::rc::Rc;

/// The address of a type's pool.
fn pool_of<T: Pooled>() -> *const () {
    std::ptr::from_ref(T::pool()).cast()
}

#[test]
fn each_instantiation_has_its_own_pool() {
    #[derive(Pooled)]
    #[pool(capacity = 2, for(Message<u64>, Message<String>,))]
    struct Message<T>(T);

    assert_ne!(pool_of::<Message<u64>>(), pool_of::<Message<String>>());
    let numbers = [Message(1), Message(2)].map(PoolBox::new);
    let full = PoolBox::try_new(Message(3_u64))
        .err()
        .expect("two of two are out");
    assert_eq!((full.capacity(), full.into_inner().0), (Some(2), 3));

    // The other has room, and counts for itself.
    let text = PoolBox::new(Message("8=FIX".to_owned()));
    assert_eq!(text.0, "8=FIX");
    assert_eq!(Message::<u64>::pool().stats().live, 2);
    assert_eq!(Message::<String>::pool().stats().live, 1);
    drop(numbers);
    assert_eq!(Message::<u64>::pool().len(), 0);
    assert_eq!(Message::<String>::pool().len(), 1);
    drop(text);

    // A slot of the one is never the other's.
    let number = PoolBox::new(Message(4_u64));
    let text = PoolBox::new(Message(String::new()));
    assert_ne!(
        PoolBox::as_ptr(&number).cast::<()>(),
        PoolBox::as_ptr(&text).cast()
    );
}

#[test]
fn each_is_made_of_what_init_says_of_it() {
    #[derive(Pooled)]
    #[pool(capacity = 64, cache_line, for(Tick<u8>, Tick<u16>))]
    struct Tick<T>(T);

    let config = Tick::<u8>::pool().config();
    assert_eq!(config, PoolConfig::new().capacity(64).cache_line(true));
    assert_eq!(config, Tick::<u16>::pool().config());
    Tick::<u8>::pool()
        .init(config.capacity(7))
        .expect("not in use yet");
    assert_eq!(Tick::<u8>::pool().capacity(), 7);
    assert_eq!(Tick::<u16>::pool().capacity(), 64);
    assert_eq!(
        (PoolBox::new(Tick(1_u8)).0, PoolBox::new(Tick(2_u16)).0),
        (1, 2)
    );
}

#[test]
fn objects_are_dropped_by_their_own_destructor() {
    #[derive(Pooled)]
    #[pool(for(Counted<u8>), for(Counted<[u64; 9]>))]
    struct Counted<T> {
        drops: Rc<Cell<u32>>,
        _of: PhantomData<T>,
    }

    impl<T> Drop for Counted<T> {
        fn drop(&mut self) {
            self.drops.set(self.drops.get() + size_of::<T>() as u32);
        }
    }

    let drops = Rc::new(Cell::new(0));
    let one = |drops: &Rc<_>| Counted::<u8> {
        drops: Rc::clone(drops),
        _of: PhantomData,
    };
    let other = Counted::<[u64; 9]> {
        drops: Rc::clone(&drops),
        _of: PhantomData,
    };
    drop((PoolBox::new(one(&drops)), PoolBox::new(other)));
    assert_eq!(drops.get(), 1 + 72);
    drop(PoolBox::into_inner(PoolBox::new(one(&drops))));
    assert_eq!(drops.get(), 2 + 72);
    assert_eq!(Rc::strong_count(&drops), 1);
}

#[test]
fn lengths() {
    const LONG: usize = 64;

    #[derive(Pooled)]
    #[pool(for(Buffer<8>))]
    #[pool(for(Buffer<LONG>, Buffer<{ LONG * 2 }>))]
    struct Buffer<const N: usize>([u8; N]);

    assert_eq!(size_of_val(&*PoolBox::new(Buffer([1; 8]))), 8);
    assert_eq!(PoolBox::new(Buffer([2; 64])).0, [2; 64]);
    assert_eq!(PoolBox::new(Buffer([3; 128])).0, [3; 128]);
    let pools = [
        pool_of::<Buffer<8>>(),
        pool_of::<Buffer<64>>(),
        pool_of::<Buffer<128>>(),
    ];
    assert!(pools[0] != pools[1] && pools[1] != pools[2] && pools[0] != pools[2]);
}

#[test]
fn bounds_and_where_clauses() {
    #[derive(Pooled)]
    #[pool(for(Shown<u32, Vec<u8>, 2>, Shown<char, [u8; 3], 1>))]
    enum Shown<T: Display + Copy, L, const N: usize>
    where
        L: AsRef<[u8]>,
        [T; N]: Sized,
    {
        All([T; N]),
        Bytes(L),
    }

    impl<T: Display + Copy, L: AsRef<[u8]>, const N: usize> Shown<T, L, N> {
        fn text(&self) -> String {
            match self {
                Self::All(all) => all.iter().map(T::to_string).collect(),
                Self::Bytes(bytes) => bytes.as_ref().len().to_string(),
            }
        }
    }

    let numbers = PoolBox::new(Shown::<u32, Vec<u8>, 2>::All([4, 2]));
    let bytes = PoolBox::new(Shown::<char, [u8; 3], 1>::Bytes([0; 3]));
    assert_eq!(
        (numbers.text(), bytes.text()),
        ("42".to_owned(), "3".to_owned())
    );
    drop(PoolBox::new(Shown::<u32, _, 2>::Bytes(vec![1])));
    drop(PoolBox::new(Shown::<_, [u8; 3], 1>::All(['a'])));
}

#[test]
fn parameters_that_have_defaults_may_be_left_out() {
    #[derive(Pooled)]
    #[pool(for(Packet, Packet<u8>, Packet<u8, 3>))]
    struct Packet<T = u64, const N: usize = 2>([T; N]);

    assert_eq!(PoolBox::new(Packet([1_u64, 2])).0, [1, 2]);
    assert_eq!(PoolBox::new(Packet([1_u8, 2])).0, [1, 2]);
    assert_eq!(PoolBox::new(Packet([1_u8, 2, 3])).0, [1, 2, 3]);
}

/// By a path, in a module.
#[test]
fn paths() {
    assert_eq!(PoolBox::new(paths::Path(7)).0, 7);
    assert_eq!(PoolBox::new(paths::Path('a')).0, 'a');
}

#[expect(unused_qualifications, reason = "it is what is tested")]
mod paths {
    #[derive(pool::Pooled)]
    #[pool(for(self::Path<u8>, crate::paths::Path<char>))]
    pub(super) struct Path<T>(pub(super) T);
}

/// `dyn Trait` and closures' types inside, and functions whose lifetimes are their own.
#[test]
fn trait_objects_inside() {
    #[derive(Pooled)]
    #[pool(for(
        Job<Box<dyn Fn(&str) -> usize + Send>>,
        Job<for<'a> fn(&'a str) -> &'a str>,
        Job<Rc<dyn Any>>,
        Job<&'static dyn for<'a> Fn(&'a str)>,
    ))]
    struct Job<F>(F);

    let length = PoolBox::new(Job::<Box<dyn Fn(&str) -> usize + Send>>(Box::new(str::len)));
    assert_eq!(
        std::thread::spawn(move || (length.0)("8=FIX"))
            .join()
            .unwrap(),
        5
    );
    let trim = PoolBox::new(Job::<fn(&str) -> &str>(str::trim));
    assert_eq!((trim.0)(" x "), "x");
    let any = PoolBox::new(Job::<Rc<dyn Any>>(Rc::new(7_u8)));
    assert_eq!(any.0.downcast_ref::<u8>(), Some(&7));
}

/// Data that lives for ever may be borrowed by what a pool holds.
#[test]
fn borrowed_for_ever() {
    #[derive(Pooled)]
    #[pool(capacity = 3, for(Frame<'static>))]
    struct Frame<'a> {
        bytes: &'a [u8],
    }

    #[derive(Pooled)]
    #[pool(for(Field<'static, &'static str>))]
    struct Field<'a, T: ?Sized + 'a>(&'a T);

    let frame = PoolBox::new(Frame { bytes: b"8=FIX" });
    assert_eq!((frame.bytes.len(), Frame::pool().capacity()), (5, 3));
    assert_eq!(*PoolBox::new(Field(&"35=D")).0, "35=D");
}

#[test]
fn from_a_macro() {
    macro_rules! pooled {
        ($name:ident: $($of:ty),* $(,)?) => {
            #[derive(Pooled)]
            #[pool(for($($name<$of>),*))]
            struct $name<T>(T);
        };
    }
    macro_rules! whole {
        ($($listed:ty),*) => {
            #[derive(Pooled)]
            #[pool(for($($listed),*))]
            struct Whole<T>(T);
        };
    }
    pooled!(Quote: u8, (u8, u8), &'static str);
    whole!(Whole<u8>, Whole<Vec<u8>>);
    assert_eq!(PoolBox::new(Quote((1, 2))).0, (1, 2));
    assert_eq!(PoolBox::new(Quote("x")).0, "x");
    assert_eq!(PoolBox::new(Whole(7)).0, 7);
    assert_eq!(PoolBox::new(Whole(vec![7])).0, [7]);
}

/// Instantiations have what the attributes ask for, each.
#[test]
fn what_handles_ask_for() {
    fn shared<T: pool::Shared>() {}
    fn waits<T: pool::Waits>() {}
    fn recycled<T: pool::Recycles>() {}

    #[derive(Default, Pooled)]
    #[pool(shared, on_full = "wait", recycle, for(Book<u8>, Book<Vec<u8>>))]
    struct Book<T>(T);

    impl<T: Default> pool::Recycle for Book<T> {
        fn recycle(&mut self) {
            self.0 = T::default();
        }
    }

    shared::<Book<u8>>();
    waits::<Book<u8>>();
    recycled::<Book<u8>>();
    shared::<Book<Vec<u8>>>();
    waits::<Book<Vec<u8>>>();
    recycled::<Book<Vec<u8>>>();
    let book = PoolBox::new(Book(vec![1]));
    assert_eq!(book.0, [1]);
    drop(book);
    assert_eq!(PoolBox::new(Book(vec![2])).0, [2]);
}

/// Threads have a cache for each, and leave nothing behind.
#[test]
fn threads() {
    #[derive(Pooled)]
    #[pool(capacity = 128, magazine = 2, for(Event<u32>, Event<[u32; 5]>))]
    struct Event<T>(T);

    let made = |n: u32| (PoolBox::new(Event(n)), PoolBox::new(Event([n; 5])));
    let threads = [0, 1]
        .map(|t| std::thread::spawn(move || (0..20).map(|n| made(t * 20 + n)).collect::<Vec<_>>()));
    let all: Vec<_> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    for (n, (one, five)) in all.iter().enumerate() {
        assert_eq!((one.0 as usize, five.0), (n, [n as u32; 5]));
    }
    assert_eq!(Event::<u32>::pool().len(), 40);
    assert_eq!(Event::<[u32; 5]>::pool().len(), 40);
    drop(all);
    assert_eq!(Event::<u32>::pool().len(), 0);
    assert_eq!(Event::<[u32; 5]>::pool().len(), 0);
}
