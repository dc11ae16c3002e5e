//! Panics in every piece of the user's code that runs inside the pool's.

use pool::{Pool, PoolBox, PoolConfig, Pooled};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tests::{Census, Member};

#[derive(Pooled)]
#[pool(capacity = 4)]
struct Bomb {
    fuse: Option<&'static str>,
    #[expect(dead_code, reason = "dropped, not read")]
    member: Member,
}

impl Clone for Bomb {
    fn clone(&self) -> Self {
        panic!("in clone")
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(message) = self.fuse {
            panic!("{message}");
        }
    }
}

fn bomb(census: &Census, fuse: Option<&'static str>) -> Bomb {
    Bomb {
        fuse,
        member: census.member(),
    }
}

fn explodes<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("it panics");
    match panic.downcast::<String>() {
        Ok(said) => *said,
        Err(panic) => (*panic.downcast::<&'static str>().expect("a message")).to_owned(),
    }
}

#[test]
fn a_slot_survives_every_panic() {
    let census = Census::new();
    for _ in 0..10 {
        explodes(|| PoolBox::<Bomb>::new_with(|| panic!("in a constructor")));
        explodes(|| PoolBox::<Bomb>::try_new_with(|| panic!("in a constructor")).is_ok());
        assert_eq!(
            explodes(|| drop(PoolBox::new(bomb(&census, Some("in drop"))))),
            "in drop"
        );
        let sound = PoolBox::new(bomb(&census, None));
        assert_eq!(explodes(|| sound.clone()), "in clone");
        let inner = PoolBox::into_inner(PoolBox::new(bomb(&census, Some("later"))));
        assert_eq!(explodes(|| drop(inner)), "later");
        drop(sound);
        assert_eq!((census.alive(), Bomb::pool().len()), (0, 0));
    }
    let all: Vec<_> = std::iter::from_fn(|| PoolBox::try_new(bomb(&census, None)).ok()).collect();
    assert_eq!(all.len(), 4, "nothing was lost on the way");
    let said = explodes(|| PoolBox::new(bomb(&census, None)));
    assert!(said.contains("is full"), "{said}");
    assert_eq!(
        census.alive(),
        4,
        "the value that found no room was dropped"
    );
    let said = explodes(|| PoolBox::<Bomb>::new_with(|| unreachable!("full: not called")));
    assert!(said.contains("is full"), "{said}");
}

#[test]
fn a_constructor_may_use_the_pool_itself() {
    #[derive(Pooled)]
    #[pool(capacity = 3, magazine = 1)]
    struct Nested(Option<PoolBox<Nested>>);

    let nested = PoolBox::new_with(|| Nested(Some(PoolBox::new_with(|| Nested(None)))));
    assert!(nested.0.as_ref().is_some_and(|inner| inner.0.is_none()));
    assert_eq!(Nested::pool().len(), 2);
    drop(nested); // the destructor uses the pool again
    assert_eq!(Nested::pool().len(), 0);
}

#[test]
fn pools_that_are_values_survive_too() {
    let census = Census::new();
    let pool = Pool::with_config(PoolConfig::new().capacity(2)).unwrap();
    for _ in 0..10 {
        explodes(|| drop(pool.alloc(bomb(&census, Some("in drop")))));
    }
    let both = [
        pool.alloc(bomb(&census, None)),
        pool.alloc(bomb(&census, None)),
    ];
    assert!(explodes(|| pool.alloc(bomb(&census, None))).contains("is full"));
    assert_eq!((census.alive(), pool.len()), (2, 2));
    drop(both);
    assert_eq!((census.alive(), pool.len()), (0, 0));
}
