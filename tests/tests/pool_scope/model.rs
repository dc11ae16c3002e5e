//! Random sequences of scopes, nested ones, and boxes in one pool, against a plain model: how many objects
//! there are, and what is in them.

use crate::MAGAZINE;
use pool::{Pool, PoolConfig, PoolScope, ScopedBox};
use proptest::prelude::*;
use std::cell::Cell;
use tests::scaled;

const CAPACITY: usize = 20;

#[derive(Debug, Clone)]
enum Step {
    /// So many objects in the scope that is so far out.
    Alloc(usize, usize),
    AllocWith(usize),
    Boxes(usize),
    DropBoxes(usize),
    Trim,
    /// A scope within.
    Scope(Vec<Step>),
    /// A scope within that panics at its end.
    Panic(Vec<Step>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        4 => (0..3_usize, 1..2 * MAGAZINE).prop_map(|(out, count)| Step::Alloc(out, count)),
        1 => (0..3_usize).prop_map(Step::AllocWith),
        3 => (1..2 * MAGAZINE).prop_map(Step::Boxes),
        3 => (1..3 * MAGAZINE).prop_map(Step::DropBoxes),
        1 => Just(Step::Trim),
    ];
    let step = leaf.prop_recursive(4, 40, 8, |inner| {
        let steps = prop::collection::vec(inner, 0..8);
        prop_oneof![
            3 => steps.clone().prop_map(Step::Scope),
            1 => steps.prop_map(Step::Panic),
        ]
    });
    prop::collection::vec(step, 0..12)
}

/// Counts itself as long as it is there.
struct Object<'a>(u64, &'a Cell<usize>);

impl<'a> Object<'a> {
    fn new(number: u64, live: &'a Cell<usize>) -> Self {
        live.set(live.get() + 1);
        Self(number, live)
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

struct Run<'a> {
    pool: &'a Pool<Object<'a>>,
    live: &'a Cell<usize>,
    made: Cell<u64>,
    /// Slots whose object is being built.
    building: Cell<usize>,
}

impl<'a> Run<'a> {
    fn object(&self) -> Object<'a> {
        self.made.set(self.made.get() + 1);
        Object::new(self.made.get(), self.live)
    }

    fn check(&self) {
        let stats = self.pool.stats();
        assert_eq!(
            (self.pool.len(), stats.live),
            (self.live.get(), self.live.get())
        );
        assert_eq!(stats.allocations - stats.frees, stats.live as u64);
        assert!(stats.high_water >= stats.live);
    }

    /// Whether what happened may happen, with so many objects.
    fn check_full(&self, is_full: bool) {
        // What a box got beside a scope is in the cache later.
        let most = CAPACITY + MAGAZINE;
        match is_full {
            true => assert!(
                self.live.get() + self.building.get() >= CAPACITY,
                "full below the capacity"
            ),
            false => assert!(self.live.get() <= most, "beyond what was promised"),
        }
    }

    fn alloc(&self, s: &PoolScope<'_, Object<'a>>) {
        let full = match s.alloc(self.object()) {
            Ok(object) => {
                assert_eq!(object.0, self.made.get());
                false
            }
            Err(full) => {
                drop(full);
                true
            }
        };
        self.check_full(full);
    }

    fn steps(
        &self,
        steps: &[Step],
        scopes: &[&PoolScope<'_, Object<'a>>],
        boxes: &mut Vec<ScopedBox<'a, Object<'a>>>,
    ) {
        let scope = |out: usize| scopes.iter().rev().nth(out % scopes.len().max(1));
        for step in steps {
            match *step {
                Step::Alloc(out, count) => {
                    for s in scope(out).into_iter().cycle().take(count) {
                        self.alloc(s);
                    }
                }
                Step::AllocWith(out) => {
                    if let Some(s) = scope(out) {
                        let made = s.alloc_with(|| {
                            self.building.set(1);
                            self.alloc(s);
                            self.building.set(0);
                            self.object()
                        });
                        let is_full = made.is_err();
                        self.check_full(is_full);
                    }
                }
                Step::Boxes(count) => {
                    for _ in 0..count {
                        let boxed = self.pool.try_alloc(self.object());
                        let is_full = boxed.is_err();
                        boxes.extend(boxed.ok());
                        self.check_full(is_full);
                    }
                }
                Step::DropBoxes(count) => boxes.truncate(boxes.len().saturating_sub(count)),
                Step::Trim => drop(self.pool.trim()),
                Step::Scope(ref steps) | Step::Panic(ref steps) => {
                    let before = self.live.get() - boxes.len() - self.others(scopes);
                    assert_eq!(before, 0);
                    let body = std::panic::AssertUnwindSafe(|| {
                        self.pool.scope(|s| {
                            let scopes: Vec<_> = scopes.iter().copied().chain([s]).collect();
                            self.steps(steps, &scopes, boxes);
                            if matches!(step, Step::Panic(_)) {
                                std::panic::resume_unwind(Box::new(7));
                            }
                        });
                    });
                    let ended = std::panic::catch_unwind(body);
                    assert_eq!(ended.is_err(), matches!(step, Step::Panic(_)));
                    if let Err(panic) = ended {
                        assert!(panic.is::<i32>(), "a check failed");
                    }
                    assert_eq!(self.live.get(), boxes.len() + self.others(scopes));
                }
            }
            self.check();
        }
    }

    fn others(&self, scopes: &[&PoolScope<'_, Object<'a>>]) -> usize {
        scopes.iter().map(|s| s.len()).sum()
    }
}

fn run(steps: &[Step], scrub: bool) {
    let live = Cell::new(0);
    let config = PoolConfig::new().capacity(CAPACITY);
    let config = config.magazine(MAGAZINE as u32).scrub(scrub);
    let pool = Pool::with_config(config).unwrap();
    let run = Run {
        pool: &pool,
        live: &live,
        made: Cell::new(0),
        building: Cell::new(0),
    };
    let mut boxes = Vec::new();
    run.steps(steps, &[], &mut boxes);
    drop(boxes);
    run.check();
    assert_eq!(live.get(), 0);
    let all: Vec<_> = std::iter::from_fn(|| pool.try_alloc(run.object()).ok()).collect();
    assert_eq!(all.len(), CAPACITY, "no slot was lost");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(2000, 3) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn scopes_are_as_the_model_says(steps in steps(), scrub: bool) {
        run(&steps, scrub);
    }
}
