//! Base and transparent pages, locking, guards.

use super::kernel::{MIB, Part, can_lock, plays, run};
use super::*;
use crate::sys;
use std::fs;

/// Whether this system tells where pages are.
fn can_survey() -> bool {
    let can = fs::metadata("/proc/self/smaps").is_ok();
    if !can {
        eprintln!("skipped: there is no /proc/self/smaps");
    }
    can
}

#[test]
fn what_was_touched_is_there_and_nothing_else() {
    if !can_survey() {
        return;
    }
    // Two at once, whose mappings may be adjacent.
    let mut parts = [(); 2].map(|()| Part::new(&Wish::default(), 8 * MIB));
    assert_eq!(parts[0].survey(), Survey::default());
    parts[0].grow(MIB).unwrap();
    parts[1].grow(3 * MIB).unwrap();
    assert_eq!(parts[0].on(PageSize::Base), MIB);
    assert_eq!(parts[1].on(PageSize::Base), 3 * MIB);
    assert_eq!(parts[0].survey().granted.len(), 1);

    // A part of a part, and what was given back.
    let survey = |range| parts[1].source.survey(parts[1].span(), range);
    let range = ByteRange::between(2 * MIB, 8 * MIB);
    assert_eq!(survey(range).granted[0].bytes, MIB);
    let gone = ByteRange::between(2 * MIB, 2 * MIB + 4096);
    // SAFETY: a page of ours, which is not used.
    assert!(unsafe { parts[1].source.purge(parts[1].span(), gone) });
    assert_eq!(survey(range).granted[0].bytes, MIB - 4096);

    let range = ByteRange::between(0, 8 * MIB);
    parts[0].source.populate(parts[0].span(), range).unwrap();
    assert_eq!(parts[0].on(PageSize::Base), 8 * MIB);
    assert!(parts[0].is_intact());
}

#[test]
fn locked_memory_is_reported_as_such() {
    if !can_survey() || !can_lock() {
        return;
    }
    let mut part = Part::new(&Wish::default(), MIB);
    part.grow(3 * 4096).unwrap();
    assert_eq!(part.survey().locked, 0);
    // From the middle of a page to the middle of another.
    let range = ByteRange::between(4096 + 100, 3 * 4096 + 100);
    match part.source.lock(part.span(), range) {
        Ok(()) => {
            assert_eq!(part.survey().locked, 3 * 4096);
            assert_eq!(part.on(PageSize::Base), 4 * 4096);
        }
        Err(refused) => eprintln!("skipped: no locking here: {refused}"),
    }
    assert!(part.is_intact());
}

#[test]
fn what_may_not_be_locked_is_refused_by_name() {
    const THIS: &str = "source::tests::pages::what_may_not_be_locked_is_refused_by_name";
    if !can_lock() {
        return;
    }
    if !plays("nobody") {
        let (status, text) = run(THIS, "nobody");
        assert!(status.success(), "{text}");
        eprint!(
            "{}",
            text.lines()
                .find(|l| l.starts_with("skipped"))
                .unwrap_or("")
        );
        return;
    }
    // SAFETY: this process is alone with this test. It becomes nobody, who has no privileges.
    unsafe { libc::setuid(65534) };
    let limit = libc::rlimit {
        rlim_cur: 65536,
        rlim_max: 65536,
    };
    // SAFETY: the structure is ours.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
    if set != 0 {
        eprintln!("skipped: no limit for locked memory can be set here");
        return;
    }
    assert_eq!(sys::lock_limit(), Some((65536, 65536)));
    let mut part = Part::new(&Wish::default(), MIB);
    part.grow(MIB).unwrap();
    let all = ByteRange::between(0, MIB);
    let refused = part.source.lock(part.span(), all).unwrap_err();
    assert_eq!(refused.call, "mlock");
    assert_eq!(refused.errno, Some(libc::ENOMEM));
    assert!(part.is_intact());
}

#[test]
fn transparent_pages_are_joined_or_it_is_told() {
    let wish = Wish {
        pages: PageSize::Transparent,
        ..Wish::default()
    };
    if !can_survey() {
        return;
    }
    let mut part = Part::new(&wish, 16 * MIB);
    part.grow(5 * MIB).unwrap();
    let all = ByteRange::between(0, 16 * MIB);
    part.source.populate(part.span(), all).unwrap();
    assert!(part.is_intact());
    let survey = part.survey();
    if sys::transparent_is_off() {
        eprintln!("skipped: this kernel has no transparent huge pages, or they are off");
        assert_eq!(survey.refused.len(), 1);
        return;
    }
    assert_eq!(survey.refused, []);
    assert_eq!(part.on(PageSize::Transparent), 16 * MIB, "{survey:?}");
    // A piece of a huge page counts as far as it is asked about.
    let piece = ByteRange::between(MIB, 3 * MIB);
    let survey = part.source.survey(part.span(), piece);
    assert_eq!(
        survey.granted.iter().map(|g| g.bytes).sum::<usize>(),
        2 * MIB
    );

    // Kernels that do not say which pages are huge: the same, from each page and the sum.
    let (first, bytes) = part.span().cover(all, 4096);
    let mut tally = tally::Tally::default();
    let there = survey::by_pages(&mut tally, first.as_ptr(), bytes, 16 * MIB);
    assert_eq!((there, tally.finish()), (bytes, part.survey().granted));

    assert_eq!(part.source.page(), 2 * MIB);
    let gone = ByteRange::between(2 * MIB, 6 * MIB);
    // SAFETY: ours, and from here on not used.
    assert!(unsafe { part.source.purge(part.span(), gone) });
    assert_eq!(
        part.on(PageSize::Transparent),
        12 * MIB,
        "and none was split"
    );
}

#[test]
fn transparent_pages_that_are_required_are_there_or_it_is_an_error() {
    const THIS: &str =
        "source::tests::pages::transparent_pages_that_are_required_are_there_or_it_is_an_error";
    if !can_survey() {
        return;
    }
    if !plays("without") {
        let (status, text) = run(THIS, "without");
        assert!(status.success(), "{text}");
    }
    let wish = Wish {
        pages: PageSize::Transparent,
        required: 7 * MIB,
        ..Wish::default()
    };
    let mut part = Part::new(&wish, 16 * MIB);
    if plays("without") {
        #[cfg(target_os = "linux")]
        // SAFETY: this process is alone with this test; it gets no huge pages any more.
        unsafe {
            libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0)
        };
        let refused = part.grow(6 * MIB).unwrap_err();
        if !sys::transparent_is_off() {
            assert_eq!(refused.call, "madvise(MADV_COLLAPSE)");
            assert!(refused.errno.is_some());
        }
        return;
    }
    match part.grow(6 * MIB) {
        Ok(()) => {
            assert_eq!(part.on(PageSize::Transparent), 8 * MIB);
            // Less than a page, and on a node as well.
            for node in [None, Some(0)] {
                for strict in [false, node.is_some()] {
                    let required = 5000;
                    let wish = Wish {
                        required,
                        node,
                        strict,
                        ..wish
                    };
                    let mut part = Part::new(&wish, 5000);
                    part.grow(100).unwrap();
                    part.grow(5000).unwrap();
                    let whole = ByteRange::between(0, 2 * MIB);
                    let survey = part.source.survey(part.span(), whole);
                    assert_eq!(survey.granted.len(), 1, "{survey:?}");
                    assert_eq!(survey.granted[0].pages, PageSize::Transparent);
                    assert_eq!(survey.granted[0].bytes, 2 * MIB);
                }
            }
        }
        Err(refused) => {
            eprintln!("skipped: no transparent huge pages: {refused}");
            assert!(sys::transparent_is_off(), "{refused}");
        }
    }
}

/// Whether touching a byte beside a span of pages ends the process.
#[cfg(feature = "checked")]
#[test]
fn guard_pages_stop_who_leaves_a_region() {
    use std::os::unix::process::ExitStatusExt;
    const THIS: &str = "source::tests::pages::guard_pages_stop_who_leaves_a_region";
    for pages in [PageSize::Base, PageSize::Transparent] {
        let wish = Wish {
            pages,
            ..Wish::default()
        };
        let bytes = bytes_of(pages);
        for (role, offset) in [("before", -1), ("behind", bytes as isize)] {
            let role = format!("{role} {pages}");
            if plays(&role) {
                let mut part = Part::new(&wish, bytes);
                part.grow(bytes).unwrap();
                eprintln!("about to touch");
                let beside = part.span().start.as_ptr().wrapping_offset(offset);
                // SAFETY: there is none: the guard page stops it.
                unsafe { beside.write_volatile(1) };
                return;
            }
        }
    }
    if std::env::var_os("POOL_TEST_ROLE").is_some() {
        return;
    }
    for pages in [PageSize::Base, PageSize::Transparent] {
        for role in ["before", "behind"] {
            let (status, text) = run(THIS, &format!("{role} {pages}"));
            assert_eq!(
                status.signal(),
                Some(libc::SIGSEGV),
                "{role} {pages}: {text}"
            );
            assert!(text.contains("about to touch"), "{text}");
        }
    }
}
