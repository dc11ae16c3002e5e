//! `VirtualAlloc`, on Windows or under wine.

use super::*;

const MIB: usize = 1 << 20;

#[test]
fn what_windows_has_keeps_the_contract() {
    for pages in ALL_PAGES {
        keeps_its_contract(&*source(&Wish {
            pages,
            ..Wish::default()
        }));
    }
    keeps_its_contract(&*source(&Wish {
        node: Some(0),
        ..Wish::default()
    }));
}

#[test]
fn large_pages_are_granted_or_refused() {
    let layout = Layout::from_size_align(3 * MIB, 4096).unwrap();
    let wish = |required| Wish {
        pages: PageSize::Huge2M,
        required,
        ..Wish::default()
    };
    let all = ByteRange::between(0, 3 * MIB);
    let large = source(&wish(0));
    let span = large.map(layout).unwrap();
    // SAFETY: nobody uses the span.
    assert_eq!(unsafe { large.commit(&span, all, 3 * MIB) }, Ok(3 * MIB));
    let survey = large.survey(&span, all);
    // SAFETY: mapped above, not used again.
    unsafe { large.unmap(span) };
    match source(&wish(1)).map(layout) {
        Ok(span) => {
            assert_eq!(survey.granted[0].pages, PageSize::Huge2M);
            // SAFETY: mapped above, not used.
            unsafe { large.unmap(span) };
        }
        Err(refused) => {
            assert_eq!(survey.refused, [refused]);
            eprintln!("skipped: no large pages here: {refused}");
        }
    }
}

#[test]
fn what_is_committed_is_counted_and_what_is_touched_is_there() {
    let source = source(&Wish::default());
    let layout = Layout::from_size_align(8 * MIB, 1 << 16).unwrap();
    let span = source.map(layout).unwrap();
    let mut end = 0;
    let mut calls = 0;
    while end < 8 * MIB {
        // SAFETY: nobody uses what is behind `end`.
        end = unsafe { source.commit(&span, ByteRange::between(end, end + 1), 8 * MIB) }.unwrap();
        calls += 1;
        // SAFETY: committed.
        unsafe { span.start.add(end - 1).write(1) };
    }
    assert!((8..32).contains(&calls), "{calls} steps");
    let there = |range| -> usize {
        let granted = source.survey(&span, range).granted;
        granted.iter().map(|granted| granted.bytes).sum()
    };
    let range = ByteRange::between(0, 2 * MIB);
    source.populate(&span, range).unwrap();
    assert_eq!(there(range), 2 * MIB);
    // SAFETY: not used any more.
    assert!(unsafe { source.purge(&span, range) });
    assert_eq!(there(range), 0);
    // SAFETY: as before.
    let again = unsafe { source.commit(&span, range, range.end()) };
    assert_eq!(again, Ok(2 * MIB));
    if let Err(refused) = source.lock(&span, range) {
        eprintln!("skipped: no locking here: {refused}");
    }
    // SAFETY: mapped above, not used again.
    unsafe { source.unmap(span) };
}
