//! Pages of the hugetlb pools, for real. One test: the pools are the machine's.

use super::kernel::{HugePool, MIB, Part, mark, plays, run};
use super::*;
use crate::sys;

const GIB: usize = 1 << 30;

fn wish(pages: PageSize, required: usize) -> Wish {
    Wish {
        pages,
        required,
        ..Wish::default()
    }
}

#[test]
fn huge_pages_are_granted_or_refused() {
    if let Some(pool) = HugePool::with_free(2 * MIB, 20) {
        granted_as_required(&pool);
        one_page_for_a_small_part(&pool);
        two_parts(&pool);
        exhausted_midway(&pool);
        required_and_exhausted(&pool);
        a_child_does_not_take_them(&pool);
        assert!(pool.leave_free(20));
        if let Some(gigantic) = HugePool::with_free(GIB, 1) {
            gigantic_then_huge_then_small(&gigantic, &pool);
            only_what_was_asked_for_first_is_gigantic(&gigantic, &pool);
            gigantic_ones_are_required(&gigantic);
        }
        assert_eq!((pool.free(), pool.promised()), (20, 0));
    }
}

fn granted_as_required(pool: &HugePool) {
    let mut part = Part::new(&wish(PageSize::Huge2M, 32 * MIB), 40 * MIB);
    part.grow(32 * MIB).unwrap();
    assert_eq!((pool.free(), pool.promised()), (4, 0));
    let survey = part.survey();
    assert_eq!(part.on(PageSize::Huge2M), 32 * MIB);
    assert!(survey.granted.iter().all(|g| g.pages == PageSize::Huge2M));
    assert_eq!((survey.locked, survey.refused.len()), (32 * MIB, 0));

    // Populating and locking change nothing; purging leaves huge pages alone.
    let all = ByteRange::between(0, 32 * MIB);
    part.source.populate(part.span(), all).unwrap();
    if let Err(refused) = part.source.lock(part.span(), all) {
        eprintln!("skipped: no locking here: {refused}");
    }
    // SAFETY: nobody uses the bytes. (They are read below, since they are not given back.)
    assert!(!unsafe { part.source.purge(part.span(), all) });
    assert!(part.is_intact());
    let piece = ByteRange::between(3 * MIB, 8 * MIB);
    let survey = part.source.survey(part.span(), piece);
    let there: usize = survey.granted.iter().map(|granted| granted.bytes).sum();
    assert_eq!(there, 5 * MIB);

    // Later growth takes one page at a time.
    part.grow(32 * MIB + 1).unwrap();
    assert_eq!(pool.free(), 3);
    drop(part);
    assert_eq!((pool.free(), pool.promised()), (20, 0));
}

fn one_page_for_a_small_part(pool: &HugePool) {
    let mut part = Part::new(&wish(PageSize::Huge2M, 5000), 5000);
    part.grow(5000).unwrap();
    assert_eq!(pool.free(), 19);
    assert_eq!(part.survey().granted[0].pages, PageSize::Huge2M);
}

/// Parts of one span, each with a source of its own; the second falls back.
fn two_parts(pool: &HugePool) {
    assert!(pool.leave_free(3));
    let mut first = Part::new(&wish(PageSize::Huge2M, 0), 8 * MIB);
    let second = source(&wish(PageSize::Huge2M, 0));
    let span = first.span();
    // SAFETY: nobody uses the span yet.
    let commit = |source: &dyn PageSource, from, to, limit| unsafe {
        source.commit(span, ByteRange::between(from, to), limit)
    };
    assert_eq!(commit(&*first.source, 0, MIB, 4 * MIB), Ok(2 * MIB));
    assert_eq!(commit(&*second, 4 * MIB, 6 * MIB + 1, 8 * MIB), Ok(8 * MIB));
    assert_eq!(
        commit(&*first.source, 2 * MIB, 3 * MIB, 4 * MIB),
        Ok(4 * MIB)
    );
    let survey = |from, to| second.survey(span, ByteRange::between(from, to));
    let there: usize = survey(4 * MIB, 8 * MIB)
        .granted
        .iter()
        .map(|g| g.bytes)
        .sum();
    assert_eq!(there, 4 * MIB);
    assert_eq!(survey(4 * MIB, 8 * MIB).refused, []);
    let refused = first.survey().refused;
    assert_eq!(refused[0].call, "mmap(MAP_HUGETLB | MAP_HUGE_2MB)");
    assert_eq!(survey(2 * MIB, 4 * MIB).granted, [], "not touched");
    first.end = 0;
    drop(first);
    assert!(pool.leave_free(20));
}

fn exhausted_midway(pool: &HugePool) {
    assert!(pool.leave_free(8));
    for step in [MIB, 7 * MIB, 30 * MIB] {
        let mut part = Part::new(&wish(PageSize::Huge2M, 4 * MIB), 40 * MIB);
        for to in (step..=30 * MIB).step_by(step) {
            part.grow(to).unwrap();
        }
        // Every byte up to here was written to: nothing ended the process.
        assert!(part.is_intact());
        assert_eq!(part.on(PageSize::Huge2M), 16 * MIB, "steps of {step}");
        assert_eq!(pool.free(), 0);
        let refused = part.survey().refused;
        assert_eq!(refused[0].call, "mmap(MAP_HUGETLB | MAP_HUGE_2MB)");
        assert_eq!(refused[0].errno, Some(libc::ENOMEM));
        // What is not on huge pages may be given back.
        let range = ByteRange::between(8 * MIB, 30 * MIB);
        assert_eq!(part.source.purgeable(range), 16 * MIB);
        // For good: pages that come free later are for others.
        assert!(pool.leave_free(1));
        part.grow(36 * MIB).unwrap();
        assert_eq!(pool.free(), 1);
        assert!(pool.leave_free(0));
        drop(part);
        assert_eq!((pool.free(), pool.promised()), (8, 0));
    }
}

fn required_and_exhausted(pool: &HugePool) {
    assert!(pool.leave_free(8));
    let mut part = Part::new(&wish(PageSize::Huge2M, 17 * MIB), 40 * MIB);
    let refused = part.grow(17 * MIB).unwrap_err();
    assert_eq!(refused.call, "mmap(MAP_HUGETLB | MAP_HUGE_2MB)");
    assert_eq!(refused.errno, Some(libc::ENOMEM));
    drop(part);
    assert_eq!((pool.free(), pool.promised()), (8, 0));
    let mut part = Part::new(&wish(PageSize::Huge2M, 16 * MIB), 40 * MIB);
    part.grow(17 * MIB).unwrap();
    assert_eq!(part.on(PageSize::Huge2M), 16 * MIB);
}

/// After a fork the first to write needs another page. If there is none, that must not end us.
fn a_child_does_not_take_them(pool: &HugePool) {
    assert!(pool.leave_free(4));
    let mut part = Part::new(&wish(PageSize::Huge2M, 8 * MIB), 8 * MIB);
    part.grow(8 * MIB).unwrap();
    assert_eq!(pool.free(), 0);
    // SAFETY: the child does nothing but wait to be ended.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the child if its parent ended first.
        unsafe { libc::alarm(30) };
        loop {
            // SAFETY: waits.
            unsafe { libc::pause() };
        }
    }
    for offset in (0..8 * MIB).step_by(4096) {
        // SAFETY: committed, and ours.
        unsafe { part.span().start.add(offset).write(mark(offset)) };
    }
    assert!(part.is_intact());
    // SAFETY: our own child.
    unsafe { libc::kill(child, libc::SIGKILL) };
    // SAFETY: as before.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    drop(part);
    assert_eq!((pool.free(), pool.promised()), (4, 0));
}

#[test]
fn a_move_that_fails_leaves_no_hole() {
    // In a process of its own: in a hole, another thread could map something meanwhile.
    const THIS: &str = "source::tests::huge::a_move_that_fails_leaves_no_hole";
    if !plays("mover") {
        let (status, text) = run(THIS, "mover");
        assert!(status.success(), "{text}");
        return;
    }
    let mut part = Part::new(&Wish::default(), 8 * 4096);
    part.grow(8 * 4096).unwrap();
    // No address of a user's.
    let nowhere = part.span().start.as_ptr().wrapping_add(1 << 60);
    let nowhere = NonNull::new(nowhere).unwrap();
    let place = part.span().at(2 * 4096);
    // SAFETY: nothing is at `nowhere`, which is the point, and nobody uses `place`.
    assert!(unsafe { sys::move_over(nowhere, place, 4096) }.is_err());
    // SAFETY: as before.
    unsafe { sys::restore(place, 4096) };
    // SAFETY: mapped, by the lines above.
    unsafe { place.write(mark(2 * 4096)) };
    assert!(part.is_intact());

    // As if the kernel had unmapped the place and failed then.
    // SAFETY: a page of ours that nobody uses.
    unsafe { sys::release(place, 4096) };
    // SAFETY: as before.
    unsafe { sys::restore(place, 4096) };
    // SAFETY: mapped again.
    assert_eq!(unsafe { place.read() }, 0);
    // SAFETY: as before.
    unsafe { place.write(mark(2 * 4096)) };
    assert!(part.is_intact());
}

/// From 1 GiB to 2 MiB to transparent, in one commit.
fn gigantic_then_huge_then_small(gigantic: &HugePool, pool: &HugePool) {
    let mut part = Part::new(&wish(PageSize::Huge1G, 0), 2 * GIB);
    part.grow(GIB + 50 * MIB).unwrap();
    assert!(part.is_intact());
    assert_eq!((gigantic.free(), pool.free()), (0, 0));
    assert_eq!(part.on(PageSize::Huge1G), GIB);
    assert_eq!(part.on(PageSize::Huge2M), 40 * MIB);
    let refused = part.survey().refused;
    let calls: Vec<_> = refused.iter().map(|refused| refused.call).collect();
    assert_eq!(
        calls[..2],
        [
            "mmap(MAP_HUGETLB | MAP_HUGE_1GB)",
            "mmap(MAP_HUGETLB | MAP_HUGE_2MB)"
        ]
    );
    drop(part);
    assert_eq!((gigantic.free(), pool.free()), (1, 20));
}

fn only_what_was_asked_for_first_is_gigantic(gigantic: &HugePool, pool: &HugePool) {
    let bytes = if gigantic.leave_free(2) {
        3 * GIB
    } else {
        2 * GIB
    };
    let left = gigantic.free() - 1;
    let mut part = Part::new(&wish(PageSize::Huge1G, 100 * MIB), bytes);
    part.grow(100 * MIB).unwrap();
    assert_eq!(gigantic.free(), left);
    assert_eq!(
        part.on(PageSize::Huge1G),
        GIB,
        "whole, and all of it usable"
    );
    part.grow(GIB).unwrap();
    part.grow(GIB + 1).unwrap();
    assert_eq!((gigantic.free(), pool.free()), (left, 19));
    assert_eq!(part.on(PageSize::Huge2M), 2 * MIB);
    assert_eq!(part.survey().refused, []);
    assert!(part.is_intact());
    drop(part);
    assert!(gigantic.leave_free(1));
}

fn gigantic_ones_are_required(gigantic: &HugePool) {
    let mut part = Part::new(&wish(PageSize::Huge1G, GIB + 1), 2 * GIB);
    let refused = part.grow(GIB + 1).unwrap_err();
    assert_eq!(refused.call, "mmap(MAP_HUGETLB | MAP_HUGE_1GB)");
    assert_eq!(refused.errno, Some(libc::ENOMEM));
    drop(part);
    assert_eq!(gigantic.free(), 1);
}
