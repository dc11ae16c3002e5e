//! What every source must keep.

#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the tests own all that they touch"
)]

#[cfg(all(unix, not(miri)))]
mod huge;
#[cfg(all(unix, not(miri)))]
mod kernel;
#[cfg(all(unix, not(miri)))]
mod nodes;
#[cfg(all(unix, not(miri)))]
mod pages;
#[cfg(all(windows, not(miri)))]
mod windows;

use super::fault::Plan;
use super::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(all(any(unix, windows), not(miri)))]
const ALL_PAGES: [PageSize; 4] = [
    PageSize::Base,
    PageSize::Transparent,
    PageSize::Huge2M,
    PageSize::Huge1G,
];

/// Maps, commits in steps, writes, populates, purges, commits anew, and unmaps.
fn keeps_its_contract(source: &dyn PageSource) {
    let page = source.page();
    for align in [1, 64, 4096, 1 << 16] {
        let layout = Layout::from_size_align(3 * page + 5, align.max(page)).unwrap();
        let span = source.map(layout).unwrap();
        assert!(span.start.as_ptr().addr().is_multiple_of(layout.align()));
        assert_eq!(span.layout, layout);
        let bytes = span.start.as_ptr();
        let all = ByteRange::between(0, layout.size());
        let mut end = 0;
        for want in [1, page + 1, page + 2, layout.size()] {
            if want > end {
                let range = ByteRange::between(end, want);
                // SAFETY: nobody else has the span, and nothing behind `end` was used.
                let now = unsafe { source.commit(&span, range, layout.size()) }.unwrap();
                assert!((want..=layout.size()).contains(&now), "{want}: {now}");
                end = now;
            }
            // SAFETY: committed.
            unsafe { bytes.add(want - 1).write(7) };
        }
        assert_eq!(end, layout.size());
        if let Err(refused) = source.populate(&span, all) {
            eprintln!("skipped: no populating here: {refused}");
        }
        let kept = [1, page + 1, page + 2, layout.size()]
            // SAFETY: written above; neither `commit` nor `populate` changes a byte that is used.
            .map(|want| unsafe { bytes.add(want - 1).read() });
        assert_eq!(kept, [7; 4]);
        let second = ByteRange::between(page, 2 * page);
        // SAFETY: one whole page of ours, which is not used any more.
        if unsafe { source.purge(&span, second) } {
            if source.recommits() {
                assert_eq!(source.recommit(&span, second), Ok(()));
            }
            // SAFETY: committed.
            unsafe { bytes.add(page).write(8) };
        }
        // SAFETY: written above, outside of what was purged.
        let kept = unsafe { (bytes.read(), bytes.add(layout.size() - 1).read()) };
        assert_eq!(kept, (7, 7));
        // SAFETY: mapped above, not used again.
        unsafe { source.unmap(span) };
    }
}

#[test]
fn the_systems_source_keeps_its_contract() {
    keeps_its_contract(&*source(&Wish::default()));
}

#[test]
fn the_heap_keeps_its_contract() {
    keeps_its_contract(&Heap::new(&Wish::default()));
}

#[test]
fn the_heap_refuses_what_it_does_not_have() {
    let wish = Wish {
        pages: PageSize::Huge2M,
        node: Some(0),
        ..Wish::default()
    };
    let layout = Layout::new::<[u64; 8]>();
    let all = ByteRange::between(0, layout.size());
    let commit = |wish| {
        let heap = Heap::new(&wish);
        let span = heap.map(layout).unwrap();
        // SAFETY: nobody uses the span.
        let end = unsafe { heap.commit(&span, all, layout.size()) };
        let refused = heap.survey(&span, all).refused.len();
        // SAFETY: mapped above, not used.
        unsafe { heap.unmap(span) };
        (end.is_ok(), refused)
    };
    assert_eq!(commit(wish), (true, 2));
    assert_eq!(
        commit(Wish {
            required: 1,
            ..wish
        }),
        (false, 1)
    );
    assert_eq!(
        commit(Wish {
            strict: true,
            ..wish
        }),
        (false, 1)
    );
}

#[test]
fn a_fault_keeps_the_contract_counts_and_fails() {
    for plan in [
        Plan::default(),
        Plan::default().with_grain(1024),
        Plan::default().with_grain(1024).with_purging(false),
        Plan::default().with_purging(true),
    ] {
        let plan = Arc::new(plan);
        let heap = Box::new(Heap::new(&Wish::default()));
        let fault = Fault::new(heap, Arc::clone(&plan));
        keeps_its_contract(&fault);
        assert_eq!((plan.spans(), plan.committed()), (0, 0));
        let calls = plan.calls();
        assert!(calls > 0);

        let layout = Layout::new::<[u8; 100]>();
        plan.fail(1, 1);
        let span = fault.map(layout).unwrap();
        assert_eq!((plan.spans(), plan.committed()), (1, 0));
        let all = ByteRange::between(0, 100);
        // SAFETY: nobody uses the span.
        let commit = || unsafe { fault.commit(&span, all, 100) };
        let refused = Refused {
            call: "commit",
            errno: Some(Plan::ERRNO),
        };
        assert_eq!(commit(), Err(refused));
        assert_eq!(plan.committed(), 0);
        assert_eq!(commit(), Ok(100));
        assert_eq!(plan.committed(), 100);
        plan.fail(0, usize::MAX);
        assert!(fault.populate(&span, all).is_err());
        assert!(fault.map(layout).is_err());
        plan.heal();
        plan.delay(Duration::from_millis(2));
        let before = Instant::now();
        assert_eq!(fault.populate(&span, all), Ok(()));
        assert!(before.elapsed() >= Duration::from_millis(2));
        assert_eq!(plan.calls(), calls + 6);
        // SAFETY: mapped above, not used again.
        unsafe { fault.unmap(span) };
        assert_eq!((plan.spans(), plan.committed()), (0, 0));
    }
}

#[test]
fn a_refusal_names_the_call_and_the_reason() {
    let refused = Refused {
        call: "mlock",
        errno: Some(12),
    };
    let text = refused.to_string();
    assert!(text.starts_with("mlock: ") && text.contains("12"), "{text}");
    let refused = Refused {
        errno: None,
        ..refused
    };
    assert_eq!(refused.to_string(), "mlock");
}
