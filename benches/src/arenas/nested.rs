//! Scopes in scopes.
//!
//! A tick of a hundred scopes, each with three in it, each of which allocates five values. Figures
//! are of an inner scope: its entry, its values, its end, and a third of the outer one's.
//! `bumpalo` has no scopes.

use super::peers::{Down, Plain, Settings, bump_scope};
use super::watch::{Value, Watch};
use super::{Comparison, LEAN, Tick, at_most, beside, job, ours};
use bump_scope::alloc::Global;
use bump_scope::{Bump, BumpBox, BumpScope};

pub(super) const INLINED: Comparison = Comparison {
    name: "nested",
    measures: &[
        at_most(1.0 / 1.2, "bump-scope"),
        at_most(1.0 / 1.2, LEAN),
        beside("bump-scope, guard"),
        beside("bump-scope, down 8, guard"),
    ],
    jobs: || {
        let mut jobs = ours::nested::<false>();
        jobs.extend([
            job("bump-scope", Scoped::<Plain, false>(bump_scope())),
            job("bump-scope, guard", Guarded::<Plain, false>(bump_scope())),
            job(LEAN, Scoped::<Down, false>(bump_scope())),
            job(
                "bump-scope, down 8, guard",
                Guarded::<Down, false>(bump_scope()),
            ),
        ]);
        jobs
    },
    all_live: false,
};

/// The inner scopes' values are allocated by a function that is not inlined.
pub(super) const CALLED: Comparison = Comparison {
    name: "nested-called",
    jobs: || {
        let mut jobs = ours::nested::<true>();
        jobs.extend([
            job("bump-scope", Scoped::<Plain, true>(bump_scope())),
            job("bump-scope, guard", Guarded::<Plain, true>(bump_scope())),
            job(LEAN, Scoped::<Down, true>(bump_scope())),
            job(
                "bump-scope, down 8, guard",
                Guarded::<Down, true>(bump_scope()),
            ),
        ]);
        jobs
    },
    ..INLINED
};

/// Outer scopes a tick.
pub(super) const OUTER: u64 = 100;
/// Inner ones in each.
pub(super) const INNER: u64 = 3;
/// Values in each of those.
pub(super) const VALUES: u64 = 5;

/// What is in them.
pub(super) type Inner = [u64; 2];

/// With closures.
struct Scoped<S: Settings, const CALLED: bool>(Bump<Global, S>);

impl<S: Settings, const CALLED: bool> Tick for Scoped<S, CALLED> {
    const STEPS: u64 = OUTER * INNER;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..OUTER {
            self.0.scoped(|outer| {
                watch.see(BumpBox::leak(outer.alloc(Inner::nth(n))));
                for _ in 0..INNER {
                    outer.scoped(|inner| fill::<S, CALLED>(inner, n, watch));
                }
            });
        }
    }
}

/// With guards.
struct Guarded<S: Settings, const CALLED: bool>(Bump<Global, S>);

impl<S: Settings, const CALLED: bool> Tick for Guarded<S, CALLED> {
    const STEPS: u64 = OUTER * INNER;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..OUTER {
            let mut outer = self.0.scope_guard();
            let outer = outer.scope();
            watch.see(BumpBox::leak(outer.alloc(Inner::nth(n))));
            for _ in 0..INNER {
                let mut inner = outer.scope_guard();
                fill::<S, CALLED>(inner.scope(), n, watch);
            }
        }
    }
}

#[inline(always)]
fn fill<S: Settings, const CALLED: bool>(
    scope: &BumpScope<'_, Global, S>,
    n: u64,
    watch: &mut impl Watch,
) {
    match CALLED {
        true => fill_called(scope, n, watch),
        false => fill_inlined(scope, n, watch),
    }
}

#[inline(never)]
fn fill_called<S: Settings>(scope: &BumpScope<'_, Global, S>, n: u64, watch: &mut impl Watch) {
    fill_inlined(scope, n, watch);
}

#[inline(always)]
fn fill_inlined<S: Settings>(scope: &BumpScope<'_, Global, S>, n: u64, watch: &mut impl Watch) {
    for m in 0..VALUES {
        watch.see(BumpBox::leak(scope.alloc(Inner::nth(n + m))));
    }
}
