//! Checkpoints, and every wrong use of one.

use pool::{Arena, ArenaConfig, RollbackError};
use std::mem;
use tests::{Census, scaled};

#[test]
fn a_rollback_goes_back_as_often_as_one_likes() {
    let census = Census::new();
    let mut arena = Arena::new();
    arena.alloc(census.member());
    let here = arena.checkpoint();
    let before = arena.stats().allocated;
    for size in [1, 100, 10_000, 1_000_000] {
        arena.alloc(census.member());
        arena.alloc_slice_fill_with(size, |_| 1_u8);
        arena.alloc_slice_fill_with(3, |_| census.member());
        assert_eq!(arena.rollback(here), Ok(()));
        assert_eq!((census.alive(), arena.stats().allocated), (1, before));
    }
    arena.reset();
    assert_eq!(arena.rollback(here), Err(RollbackError::RolledPast));
}

#[test]
fn checkpoints_nest() {
    let census = Census::new();
    let mut arena = Arena::new();
    let count = scaled(100, 10);
    let points: Vec<_> = (0..count)
        .map(|n| {
            let point = arena.checkpoint();
            arena.alloc(census.member());
            arena.alloc_slice_fill_with(n * 100, |_| 1_u8);
            (point, n)
        })
        .collect();
    for &(point, n) in points.iter().rev().step_by(3) {
        assert_eq!(arena.rollback(point), Ok(()));
        assert_eq!(census.alive(), n as isize);
        for &(later, _) in &points[n + 1..] {
            assert_eq!(arena.rollback(later), Err(RollbackError::RolledPast));
        }
    }
}

#[test]
fn checkpoints_of_one_place_are_one() {
    let mut arena = Arena::new();
    let first = arena.checkpoint();
    let again = arena.checkpoint();
    assert_eq!(first, again);
    arena.scope(|s| s.alloc(1).to_owned());
    assert_eq!(arena.checkpoint(), first, "what a scope had is free again");
    arena.alloc(1);
    let other = arena.checkpoint();
    assert_ne!(other, first);
    assert_eq!(arena.rollback(first), Ok(()));
    assert_eq!(arena.rollback(again), Ok(()));
    // The same place, at another time.
    arena.alloc(1);
    assert_ne!(arena.checkpoint(), other);
    assert_eq!(arena.rollback(other), Err(RollbackError::RolledPast));
}

#[test]
fn wrong_uses_change_nothing() {
    let census = Census::new();
    let (mut arena, other) = (Arena::new(), Arena::new());
    let foreign = other.checkpoint();
    let gone = arena.checkpoint();
    arena.reset();
    arena.alloc(census.member());
    let mut moved = Arena::new();
    mem::swap(&mut moved, &mut arena);
    let before = moved.stats();
    for (wrong, why) in [
        (foreign, RollbackError::OtherArena),
        (gone, RollbackError::RolledPast),
    ] {
        assert_eq!(moved.rollback(wrong), Err(why));
        assert!(!why.to_string().is_empty());
    }
    // It goes where its arena goes.
    assert_eq!(arena.rollback(gone), Err(RollbackError::OtherArena));
    assert_eq!((moved.stats(), census.alive()), (before, 1));
    // An arena of which one was never taken.
    assert_eq!(
        Arena::new().rollback(foreign),
        Err(RollbackError::OtherArena)
    );
    drop(other);
    assert_eq!(moved.rollback(foreign), Err(RollbackError::OtherArena));
    assert!(Arena::with_limit(40).try_checkpoint().is_err());
}

#[test]
fn a_checkpoint_may_be_taken_while_a_scope_is_open() {
    let mut arena = Arena::new();
    arena.alloc(1);
    let point = arena.scope(|s| {
        s.alloc(2);
        let point = arena.checkpoint();
        arena.alloc_slice_fill_with(10_000, |_| 1_u8);
        s.alloc_slice_fill_with(100_000, |_| 1_u8);
        point
    });
    arena.alloc(3);
    assert_eq!(arena.rollback(point), Ok(()));
    let guard = arena.scope_guard();
    let inner = arena.checkpoint();
    mem::forget(guard);
    arena.alloc(4);
    assert_eq!(arena.rollback(inner), Ok(()));
    assert_eq!(arena.rollback(point), Ok(()));
    assert_eq!(arena.rollback(inner), Err(RollbackError::RolledPast));
    assert_eq!(*arena.alloc(5), 5);
}

/// Pieces that come back late, to an arena that goes back behind them.
#[test]
fn accounts_are_right_after_guards_and_rollbacks() {
    let mut arena = Arena::new();
    arena.alloc(1_u64);
    let first = arena.scope_guard();
    arena.alloc(2_u64);
    let point = arena.checkpoint();
    let allocated = arena.stats().allocated;
    let second = arena.scope_guard();
    drop(first);
    drop(second);
    assert_eq!(arena.rollback(point), Ok(()));
    let now = arena.stats().allocated;
    assert!(now >= 16 && now <= allocated, "{now} of {allocated}");
    arena.alloc_slice_fill_with(200_000, |_| 0_u8);
    assert!(arena.stats().allocated >= 200_000);
    arena.reset();
    assert_eq!(arena.stats().allocated, 0);
}

/// A place within the making of a value is not the place behind it.
#[test]
fn a_checkpoint_inside_a_maker_is_another_than_one_behind_it() {
    let census = Census::new();
    let mut arena = Arena::new();
    let mut inside = None;
    arena.alloc_with(|| {
        inside = Some(arena.checkpoint());
        census.member()
    });
    let behind = arena.checkpoint();
    assert_ne!(inside, Some(behind));
    assert_eq!(arena.rollback(behind), Ok(()));
    assert_eq!(census.alive(), 1);
    assert_eq!(arena.rollback(inside.unwrap()), Ok(()));
    assert_eq!(census.alive(), 0);
    assert_eq!(arena.rollback(behind), Err(RollbackError::RolledPast));
}

/// A chunk that a checkpoint remembers as the topmost is kept, though there is nothing in it.
#[test]
fn an_empty_chunk_that_a_checkpoint_knows_is_kept() {
    let config = ArenaConfig::new().chunk(1 << 16).chunk_max(1 << 16);
    let mut arena = Arena::with_config(config).expect("there is memory");
    let first = arena.scope_guard();
    // A chunk of the arena's own, in which there is nothing again.
    drop(allocator_api2_04::vec::Vec::<u8, _>::with_capacity_in(
        100, &arena,
    ));
    let second = arena.scope_guard();
    drop(first);
    let here = arena.checkpoint();
    let third = arena.scope_guard();
    drop(second);
    let large = arena.alloc_slice_fill_with(100_000, |n| n as u8);
    assert_eq!(large[77], 77);
    drop(third);
    assert_eq!(arena.rollback(here), Ok(()));
    let blocks: Vec<_> = (0..100)
        .map(|n| &*arena.alloc_slice_fill_with(5000, |_| n as u8))
        .collect();
    for (n, block) in blocks.iter().enumerate() {
        assert!(block.iter().all(|&byte| byte == n as u8));
    }
}
