//! The pool over page sources that fail: whatever call it is, nothing leaks, nothing is lost, and the
//! error says which.

use super::*;
use crate::numa::{Topology, pretend_node};
use crate::source::{self, Fault, Heap, PageSource, Wish, fault::Plan as Faults};
use crate::{Full, NumaPolicy, ScopedBox};
use proptest::prelude::*;
use std::error::Error;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const CAPACITY: usize = 40;

/// Objects of a third of a page, so that pages are shared and trimmed.
type Object = [u64; 170];

fn machine() -> &'static Topology {
    static MACHINE: OnceLock<Topology> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let nodes = [0, 1, 4].into_iter();
        let builder = nodes.fold(Topology::builder(), |builder, id| {
            builder.node(id, [id], 1 << 30)
        });
        builder.build().expect("a machine")
    })
}

fn faults(faults: &Arc<Faults>) -> impl Fn(&Wish) -> Box<dyn PageSource> {
    |wish| {
        // The system's own where it commits as it is told; the heap under Miri.
        let inner: Box<dyn PageSource> = match cfg!(miri) {
            true => Box::new(Heap::new(wish)),
            false => source::source(&Wish {
                node: None,
                ..*wish
            }),
        };
        Box::new(Fault::new(inner, Arc::clone(faults)))
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Alloc(usize),
    Free(usize),
    Move(u32),
    Trim,
    Prefault,
    Lock,
    /// After so many calls, so many fail.
    Fail(usize, usize),
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_usize..14).prop_map(Step::Alloc),
        6 => (1_usize..14).prop_map(Step::Free),
        2 => prop::sample::select(&[0, 1, 4]).prop_map(Step::Move),
        2 => Just(Step::Trim),
        1 => Just(Step::Prefault),
        1 => Just(Step::Lock),
        3 => (0_usize..4, 1_usize..6).prop_map(|(after, count)| Step::Fail(after, count)),
        1 => Just(Step::Heal),
    ]
}

/// What an error says must be a call that was made to fail.
fn names_the_call(error: &dyn Error) {
    let said = error.to_string();
    let calls = ["map", "commit", "populate", "lock", "recommit"];
    assert!(
        calls
            .iter()
            .any(|call| said.contains(&format!("by {call}: "))),
        "{said}"
    );
    let reason = std::io::Error::from_raw_os_error(Faults::ERRNO).to_string();
    assert!(said.contains(&reason), "{said}");
}

struct Tester<'a> {
    pool: &'a Pool<Object>,
    live: Vec<(u64, ScopedBox<'a, Object>)>,
    next: u64,
}

#[expect(clippy::result_large_err, reason = "it gives the object back")]
impl<'a> Tester<'a> {
    fn alloc(&mut self) -> Result<(), Full<Object>> {
        self.next += 1;
        let made = self.pool.try_alloc([self.next; 170])?;
        self.live.push((self.next, made));
        Ok(())
    }

    fn perform(&mut self, step: Step, faults: &Faults) {
        match step {
            Step::Alloc(count) => {
                for _ in 0..count {
                    match self.alloc().map_err(|full| (full.capacity(), full)) {
                        Ok(()) => (),
                        Err((Some(_), _)) => assert!(self.live.len() >= CAPACITY),
                        Err((None, full)) => {
                            names_the_call(full.source().expect("a reason"));
                            assert_eq!(full.into_inner(), [self.next; 170]);
                        }
                    }
                }
            }
            Step::Free(count) => {
                let rest = self.live.len().saturating_sub(count);
                self.live.drain(rest..).for_each(drop);
            }
            Step::Move(node) => pretend_node(Some(node)),
            Step::Trim => drop(self.pool.trim()),
            Step::Prefault => match self.pool.prefault() {
                Ok(()) => (),
                Err(error) => names_the_call(&error),
            },
            Step::Lock => match self.pool.lock() {
                Ok(()) => (),
                // Where memory cannot be locked at all, the system's own reason is given.
                Err(error) => assert!(matches!(
                    error,
                    InitError::Lock { .. } | InitError::Commit { .. } | InitError::Node { .. }
                )),
            },
            Step::Fail(after, count) => faults.fail(after, count),
            Step::Heal => faults.heal(),
        }
        for (number, object) in &self.live {
            assert_eq!(**object, [*number; 170], "a live object was changed");
        }
        assert_eq!(self.pool.len(), self.live.len());
        self.pool.made().expect("it was").depots().audit();
    }
}

fn run(config: PoolConfig, plan: Faults, steps: &[Step]) {
    let plan = Arc::new(plan);
    pretend_node(Some(0));
    {
        let pool = Pool::with_sources(config, &faults(&plan)).expect("nothing fails yet");
        let mut tester = Tester {
            pool: &pool,
            live: Vec::new(),
            next: 0,
        };
        for &step in steps {
            tester.perform(step, &plan);
        }
        // When all goes well again, all of the capacity is there, on any node.
        plan.heal();
        tester.live.clear();
        for node in [0, 1, 4] {
            pretend_node(Some(node));
            for _ in 0..CAPACITY {
                tester.alloc().expect("there is room, and nothing fails");
            }
            assert!(tester.alloc().is_err());
            tester.perform(Step::Trim, &plan);
            tester.live.clear();
        }
    }
    pretend_node(None);
    assert_eq!((plan.spans(), plan.committed()), (0, 0), "a leak");
}

fn policy() -> impl Strategy<Value = Option<NumaPolicy>> {
    prop::option::of(prop::sample::select(&[
        NumaPolicy::LocalOnly,
        NumaPolicy::Preferred,
        NumaPolicy::Interleaved,
        NumaPolicy::Adaptive,
    ]))
}

fn config(policy: Option<NumaPolicy>) -> PoolConfig {
    let config = PoolConfig::new().capacity(CAPACITY).magazine(3);
    // Without a policy: one node.
    policy.map_or(config, |policy| config.numa(policy).topology(machine()))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 300 })
    })]

    #[test]
    fn whatever_call_fails_nothing_is_lost(
        policy in policy(),
        grain in prop::sample::select(&[0, 4096, 20_000]),
        purging in prop::option::of(any::<bool>()),
        steps in prop::collection::vec(step(), 1..if cfg!(miri) { 20 } else { 80 }),
    ) {
        let mut plan = Faults::default().with_grain(grain);
        if let Some(recommits) = purging {
            plan = plan.with_purging(recommits);
        }
        run(config(policy), plan, &steps);
    }
}

#[test]
fn a_pool_that_cannot_be_made_leaves_nothing() {
    for policy in [
        None,
        Some(NumaPolicy::LocalOnly),
        Some(NumaPolicy::Preferred),
    ] {
        for prefault in [false, true] {
            let config = config(policy).prefault(prefault).lock(!cfg!(miri));
            for number in 0.. {
                let plan = Arc::new(Faults::default().with_grain(4096));
                plan.fail(number, 1);
                let made = Pool::<Object>::with_sources(config, &faults(&plan));
                let failed = plan.calls() > number;
                match made {
                    Ok(pool) => {
                        // Memory that is committed is touched by hand, where that is as good.
                        let by_hand = prefault && source::cannot_populate(Some(Faults::ERRNO));
                        assert!(
                            !failed || by_hand,
                            "call {number} failed, and nothing was said"
                        );
                        drop(pool);
                    }
                    Err(error) if failed => names_the_call(&error),
                    Err(error) => eprintln!("skipped: memory cannot be locked here: {error}"),
                }
                assert_eq!((plan.spans(), plan.committed()), (0, 0), "a leak");
                if !failed {
                    break;
                }
            }
        }
    }
}

/// Who needs memory waits while another thread is given some; who trims meanwhile, and who frees,
/// takes nothing from them.
#[test]
#[cfg_attr(miri, ignore = "it waits")]
fn threads_meet_in_a_source_that_is_slow() {
    let plan = Arc::new(Faults::default().with_grain(4096).with_purging(true));
    plan.delay(Duration::from_micros(50));
    {
        let config = config(Some(NumaPolicy::Preferred));
        let pool = Pool::<Object>::with_sources(config, &faults(&plan)).expect("nothing fails");
        let done = AtomicBool::new(false);
        let work = |node| {
            pretend_node(Some(node));
            for round in 0..100 {
                let objects: Vec<_> = (0..8).map(|n| pool.alloc([round * 8 + n; 170])).collect();
                let numbers = (0..8).map(|n| round * 8 + n);
                assert!(
                    objects
                        .iter()
                        .zip(numbers)
                        .all(|(object, n)| **object == [n; 170])
                );
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    pool.trim();
                }
            });
            let workers = [0, 1, 4, 4].map(|node| scope.spawn(move || work(node)));
            let joined = workers.map(thread::ScopedJoinHandle::join);
            done.store(true, Ordering::Relaxed);
            joined
                .into_iter()
                .for_each(|worker| worker.expect("no assertion failed"));
        });
        assert_eq!(pool.len(), 0);
        pool.made().expect("it was").depots().audit();
    }
    assert_eq!((plan.spans(), plan.committed()), (0, 0), "a leak");
}

/// Slots that keep their memory, because the system would not take it, stay warm beside cold ones.
#[test]
fn a_purge_that_fails_makes_nothing_cold() {
    let plan = Arc::new(Faults::default().with_grain(4096).with_purging(false));
    {
        let config = config(Some(NumaPolicy::Preferred)).capacity(400);
        let pool = Pool::<Object>::with_sources(config, &faults(&plan)).expect("nothing fails");
        pretend_node(Some(0));
        let mut objects: Vec<_> = (0..400).map(|_| pool.alloc([1; 170])).collect();
        drop(objects.split_off(300));
        assert!(pool.trim() > 0);
        let (committed, quota) = (pool.stats().bytes_committed, pool.stats().nodes[0].quota);
        objects.into_iter().rev().for_each(drop);
        plan.fail(0, usize::MAX / 2);
        assert_eq!(pool.trim(), 0);
        assert_eq!(pool.stats().nodes[0].quota, quota);
        let now = pool.stats().bytes_committed;
        assert!(now.abs_diff(committed) <= 4096, "{committed}, then {now}");
        pool.made().expect("it was").depots().audit();
        plan.heal();
        let again: Vec<_> = (0..400).map(|_| pool.alloc([2; 170])).collect();
        assert!(again.iter().all(|object| **object == [2; 170]));
    }
    pretend_node(None);
    assert_eq!((plan.spans(), plan.committed()), (0, 0), "a leak");
}

/// Where memory is refused, slots that a trim just holds are waited for.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn memory_that_is_refused_beside_a_trim_is_looked_for_again() {
    let plan = Arc::new(Faults::default().with_grain(4096));
    {
        let config = config(Some(NumaPolicy::LocalOnly)).capacity(400);
        let pool = Pool::<Object>::with_sources(config, &faults(&plan)).expect("nothing fails");
        pretend_node(Some(0));
        let all: Vec<_> = (0..400).map(|_| pool.alloc([1; 170])).collect();
        let (kept, free): (Vec<_>, Vec<_>) =
            all.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
        drop(free);
        // The node is full, and its memory is not taken back.
        plan.fail(0, usize::MAX / 2);
        let done = AtomicBool::new(false);
        let refused = thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    pool.trim();
                    thread::sleep(Duration::from_micros(50));
                }
            });
            let round = |_| (0..8).filter(|_| pool.try_alloc([2; 170]).is_err()).count();
            let refused: usize = (0..5000).map(round).sum();
            done.store(true, Ordering::Relaxed);
            refused
        });
        assert_eq!(refused, 0, "of 40,000, with 200 free");
        drop(kept);
    }
    pretend_node(None);
}

/// The last of a pool's objects is freed by `free` on a thread without a cache, just after another
/// thread came to wait and was told "full"; this thread's cache holds all that it can.
fn is_told(free: fn(&Pool<u64>, NonNull<u64>)) -> bool {
    use crate::config::OnFull;
    use std::sync::mpsc;
    let config = PoolConfig::new().capacity(1).magazine(1);
    let pool = Pool::<u64>::with_config(config.on_full(OnFull::Wait)).unwrap();
    let first = pool.alloc(1);
    let (give, given) = mpsc::channel::<ScopedBox<'_, u64>>();
    let (cached, is_cached) = mpsc::channel();
    let (woken, asleep) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let pool = &pool;
        let waiter = scope.spawn(move || {
            while let Ok(more) = pool.try_alloc(3) {
                give.send(more).unwrap();
            }
            drop(give);
            is_cached.recv().unwrap();
            let long = Duration::from_secs(2);
            pool.alloc_timeout(2, long).is_ok()
        });
        drop(given.iter().collect::<Vec<_>>()); // into this thread's cache
        assert_eq!(pool.len(), 1);
        scope.spawn(move || {
            let slot = NonNull::from(&*first);
            std::mem::forget(first);
            let caches = pool.made().unwrap();
            let kind = caches.depots().setup().form.kind;
            // SAFETY: of this pool, and forgotten.
            let passed_on = unsafe { pool.look(caches, kind, slot) };
            assert!(!passed_on, "nobody waits");
            cached.send(()).unwrap();
            for _ in 0..1000 {
                if pool.stats().waiting > 0 {
                    break;
                }
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(200)); // it looks again, and sleeps
            free(pool, slot);
            let _ = asleep.recv_timeout(Duration::from_secs(5)); // this thread's end would tell
        });
        let told = waiter.join().unwrap();
        drop(woken);
        told
    })
}

/// What `put_slot` does after its look: the hot path opens a cache, and takes the slot.
#[test]
fn who_comes_between_a_look_and_the_opening_of_a_cache_is_told() {
    let told = is_told(|pool, slot| {
        crate::thread::with_value(pool.made().unwrap(), |cache| {
            assert!(cache.free(slot.cast()), "a new cache has room");
        });
    });
    assert!(told, "asleep, and nothing is live");
}

/// What `settle` does after it found that nobody waits.
#[test]
fn who_comes_while_a_slot_that_was_aside_goes_back_is_told() {
    let told = is_told(|pool, slot| pool.made().unwrap().put_back(slot.cast()));
    assert!(told, "asleep, and nothing is live");
}
