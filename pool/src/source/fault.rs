//! A page source that fails on demand, and that watches whether its user keeps the rules: for tests.

use super::{ByteRange, PageSource, Refused, Span, Survey};
use std::alloc::Layout;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What [`Fault`]s are to do, and what they have seen. Any number of them may share one.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Calls so far that may fail: `map`, `commit`, `populate`, `lock` and `purge`, of all sources.
    calls: AtomicUsize,
    /// The calls that fail, by number; the first call is number 0.
    failing: Mutex<Range<usize>>,
    /// Microseconds that each call takes longer.
    delay: AtomicU64,
    /// What `commit` rounds the end of a range up to; zero: the source below decides.
    grain: usize,
    /// Whether `purge` always gives back, even if the source below does not; and if so, whether what
    /// it gave back must be committed anew.
    purging: Option<bool>,
    seen: Mutex<Seen>,
}

/// Memory by addresses, of all sources.
#[derive(Debug, Default)]
struct Seen {
    spans: Vec<Range<usize>>,
    /// Ascending and apart.
    committed: Vec<Range<usize>>,
}

impl Plan {
    /// A call that fails says so by this errno.
    pub(crate) const ERRNO: i32 = 12;

    /// A plan whose sources commit in steps of so many bytes.
    pub(crate) fn with_grain(mut self, bytes: usize) -> Self {
        self.grain = bytes;
        self
    }

    /// A plan whose sources give back all that they are asked to, and overwrite it. Whether that must
    /// be committed before it is used again is for the caller to say.
    pub(crate) fn with_purging(mut self, recommits: bool) -> Self {
        self.purging = Some(recommits);
        self
    }

    /// Fails `count` calls, after `after` more that do not.
    pub(crate) fn fail(&self, after: usize, count: usize) {
        let from = self.calls().saturating_add(after);
        *lock(&self.failing) = from..from.saturating_add(count);
    }

    /// Fails no more.
    pub(crate) fn heal(&self) {
        *lock(&self.failing) = 0..0;
    }

    /// Makes each call take longer.
    pub(crate) fn delay(&self, by: Duration) {
        let micros = by.as_micros().try_into().unwrap_or(u64::MAX);
        self.delay.store(micros, Ordering::Relaxed);
    }

    /// Calls so far that may fail.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Spans mapped and not unmapped.
    pub(crate) fn spans(&self) -> usize {
        lock(&self.seen).spans.len()
    }

    /// Bytes that may be used.
    pub(crate) fn committed(&self) -> usize {
        lock(&self.seen).committed.iter().map(Range::len).sum()
    }

    /// Counts a call, waits, and says whether it is to fail.
    fn call(&self, call: &'static str) -> Result<(), Refused> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let delay = self.delay.load(Ordering::Relaxed);
        if delay > 0 {
            thread::sleep(Duration::from_micros(delay));
        }
        if !lock(&self.failing).contains(&number) {
            return Ok(());
        }
        Err(Refused {
            call,
            errno: Some(Self::ERRNO),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed in one thread is to be heard of, not about the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn insert(&mut self, range: Range<usize>) {
        self.remove(range.clone());
        self.committed.push(range);
        self.committed.sort_by_key(|range| range.start);
        self.committed.dedup_by(|next, last| {
            let touch = last.end == next.start;
            if touch {
                last.end = next.end;
            }
            touch
        });
    }

    fn remove(&mut self, range: Range<usize>) {
        self.committed = self
            .committed
            .iter()
            .flat_map(|old| {
                let before = old.start..old.end.min(range.start);
                let behind = old.start.max(range.end)..old.end;
                [before, behind]
            })
            .filter(|left| !left.is_empty())
            .collect();
    }

    fn has(&self, range: &Range<usize>) -> bool {
        let covers = |old: &Range<usize>| old.start <= range.start && range.end <= old.end;
        range.is_empty() || self.committed.iter().any(covers)
    }
}

/// Another source, some of whose calls fail as a [`Plan`] says. It panics if it is asked to populate,
/// lock or purge what is not committed, or what is not in the span.
#[derive(Debug)]
pub(crate) struct Fault {
    inner: Box<dyn PageSource>,
    plan: Arc<Plan>,
}

impl Fault {
    pub(crate) fn new(inner: Box<dyn PageSource>, plan: Arc<Plan>) -> Self {
        Self { inner, plan }
    }

    /// The addresses of a range, which is committed.
    fn committed(&self, span: &Span, range: ByteRange) -> Range<usize> {
        let addresses = addresses(span, range);
        let seen = lock(&self.plan.seen);
        assert!(seen.has(&addresses), "not committed: {range:?}");
        addresses
    }
}

/// The addresses of a range of a span.
fn addresses(span: &Span, range: ByteRange) -> Range<usize> {
    assert!(
        range.end() <= span.layout.size(),
        "not in the span: {range:?}"
    );
    let start = span.start.as_ptr().addr();
    start + range.offset..start + range.end()
}

// SAFETY: what the inner source gives. Bytes are overwritten where `purge` may lose them.
unsafe impl PageSource for Fault {
    fn map(&self, layout: Layout) -> Result<Span, Refused> {
        self.plan.call("map")?;
        let span = self.inner.map(layout)?;
        let all = addresses(&span, ByteRange::between(0, layout.size()));
        let mut seen = lock(&self.plan.seen);
        let apart = |old: &Range<usize>| old.end <= all.start || all.end <= old.start;
        assert!(seen.spans.iter().all(apart), "spans overlap");
        seen.spans.push(all);
        drop(seen);
        Ok(span)
    }

    unsafe fn unmap(&self, span: Span) {
        let all = addresses(&span, ByteRange::between(0, span.layout.size()));
        let mut seen = lock(&self.plan.seen);
        let known = seen.spans.iter().position(|old| *old == all);
        seen.spans
            .swap_remove(known.expect("a span is unmapped once"));
        seen.remove(all);
        drop(seen);
        // SAFETY: as the caller says.
        unsafe { self.inner.unmap(span) };
    }

    unsafe fn commit(&self, span: &Span, range: ByteRange, limit: usize) -> Result<usize, Refused> {
        assert!(range.end() <= limit, "a limit behind the range");
        self.plan.call("commit")?;
        let limit = match self.plan.grain {
            0 => limit,
            grain => range.end().next_multiple_of(grain).min(limit),
        };
        // SAFETY: as the caller says.
        let end = unsafe { self.inner.commit(span, range, limit) }?;
        assert!((range.end()..=limit).contains(&end));
        let usable = addresses(span, ByteRange::between(range.offset, end));
        lock(&self.plan.seen).insert(usable);
        Ok(end)
    }

    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        self.committed(span, range);
        self.plan.call("populate")?;
        self.inner.populate(span, range)
    }

    fn lock(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        self.committed(span, range);
        self.plan.call("lock")?;
        self.inner.lock(span, range)
    }

    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool {
        let addresses = match self.recommits() {
            true => addresses(span, range), // Some of it may be purged already.
            false => self.committed(span, range),
        };
        let whole = |address: usize| address.is_multiple_of(self.page());
        assert!(
            whole(addresses.start) && whole(addresses.end),
            "whole pages"
        );
        if self.plan.call("purge").is_err() {
            return false;
        }
        // SAFETY: as the caller says.
        let done = unsafe { self.inner.purge(span, range) };
        if !done && self.plan.purging.is_some() {
            let first = span.at(range.offset);
            // SAFETY: committed, and by contract nobody uses it or counts on its values.
            unsafe { first.write_bytes(0xdd, range.len) };
        }
        let done = done || self.plan.purging.is_some();
        if done && self.recommits() {
            lock(&self.plan.seen).remove(addresses);
        }
        done
    }

    fn purgeable(&self, range: ByteRange) -> usize {
        self.inner.purgeable(range)
    }

    fn page(&self) -> usize {
        self.inner.page()
    }

    fn recommits(&self) -> bool {
        self.inner.recommits() || self.plan.purging.unwrap_or(false)
    }

    fn recommit(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        self.plan.call("recommit")?;
        self.inner.recommit(span, range)?;
        let page = self.page();
        let addresses = addresses(span, range);
        let whole = addresses.start / page * page..addresses.end.next_multiple_of(page);
        lock(&self.plan.seen).insert(whole);
        Ok(())
    }

    fn survey(&self, span: &Span, range: ByteRange) -> Survey {
        self.inner.survey(span, range)
    }
}
