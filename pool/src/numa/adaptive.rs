//! When a node is better served from another one: the arithmetic of the adaptive policy.
//!
//! Time is counted in *windows*: so many refills of a node's threads. In each, the objects that they
//! allocated are divided by the node on which they were freed; what was freed where it was allocated
//! need not pass the depots, so it is what is left of the allocations. The figures of a window are
//! added to those before it, which count half as much with each.
//!
//! A node moves to another when that one frees most of its objects, by far, and has done so for
//! some windows on end (hysteresis). Each move back to where it came from doubles the number of
//! windows that the next one takes, and only a long calm halves it: a workload that alternates is
//! moved a few times, and then left alone.

#![forbid(unsafe_code)]

/// Windows on end that a move takes, at least and at most.
const PATIENCE: (u32, u32) = (2, 64);
/// Windows without any reason to move, after which patience is halved.
const CALM: u32 = 128;
/// The share of the objects that must end on a node for it to serve them, in percent.
const MAJORITY: u64 = 60;

/// What is known of the objects that one node's threads allocate.
#[derive(Debug, Clone)]
pub(crate) struct Tuner {
    /// The home that is nearest to these threads.
    local: usize,
    /// The home that serves them first.
    serving: usize,
    /// The one before that.
    before: usize,
    /// Objects that ended at each home's node, decayed.
    ended: Vec<u64>,
    /// Windows on end in which a move seemed right, and where to.
    pressure: (u32, usize),
    patience: u32,
    calm: u32,
    windows: u64,
}

/// A move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) window: u64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Of a hundred objects, how many ended on the node that serves them now.
    pub(crate) percent: u8,
}

impl Tuner {
    pub(crate) fn new(homes: usize, local: usize) -> Self {
        Self {
            local,
            serving: local,
            before: local,
            ended: vec![0; homes],
            pressure: (0, local),
            patience: PATIENCE.0,
            calm: 0,
            windows: 0,
        }
    }

    /// The home that serves these threads first.
    pub(crate) fn serving(&self) -> usize {
        self.serving
    }

    /// Objects by the home of the node that freed them, decayed.
    pub(crate) fn ended(&self) -> &[u64] {
        &self.ended
    }

    /// Ends a window, in which `allocated` objects were allocated and `freed` came back, by the home
    /// nearest to who freed them.
    pub(crate) fn window(
        &mut self,
        allocated: u64,
        freed: impl IntoIterator<Item = u64>,
    ) -> Option<Move> {
        self.windows += 1;
        let mut elsewhere = 0_u64;
        for (home, (ended, freed)) in self.ended.iter_mut().zip(freed).enumerate() {
            if home == self.local {
                *ended /= 2;
            } else {
                *ended = (*ended / 2).saturating_add(freed);
                elsewhere = elsewhere.saturating_add(freed);
            }
        }
        let here = &mut self.ended[self.local];
        *here = here.saturating_add(allocated.saturating_sub(elsewhere));

        let total = self.ended.iter().fold(0_u64, |a, &b| a.saturating_add(b));
        let best = (0..self.ended.len()).max_by_key(|&home| self.ended[home])?;
        let percent = self.ended[best].saturating_mul(100) / total.max(1);
        if best == self.serving || percent < MAJORITY {
            self.pressure = (0, self.serving);
            self.calm += 1;
            if self.calm >= CALM {
                self.calm = 0;
                self.patience = (self.patience / 2).max(PATIENCE.0);
            }
            return None;
        }
        self.calm = 0;
        let (windows, to) = self.pressure;
        let windows = if to == best { windows + 1 } else { 1 };
        self.pressure = (windows, best);
        if windows < self.patience {
            return None;
        }
        if best == self.before {
            self.patience = (self.patience * 2).min(PATIENCE.1);
        }
        self.before = self.serving;
        let from = std::mem::replace(&mut self.serving, best);
        self.pressure = (0, best);
        Some(Move {
            window: self.windows,
            from,
            to: best,
            percent: percent.min(100) as u8,
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `windows` windows in which all objects of home 0's threads end at `to`.
    fn run(tuner: &mut Tuner, windows: usize, to: usize) -> Vec<Move> {
        let step = |_| {
            let freed = (0..3).map(|home| if home == to { 1000 } else { 0 });
            tuner.window(1000, freed)
        };
        (0..windows).filter_map(step).collect()
    }

    #[test]
    fn a_consumer_elsewhere_is_followed_and_so_is_its_return() {
        let mut tuner = Tuner::new(3, 0);
        assert!(run(&mut tuner, 20, 0).is_empty());
        let moves = run(&mut tuner, 20, 2);
        assert_eq!((moves.len(), moves[0].from, moves[0].to), (1, 0, 2));
        assert_eq!(tuner.serving(), 2);
        assert_eq!(run(&mut tuner, 40, 0).len(), 1);
        assert_eq!(tuner.serving(), 0);
    }

    #[test]
    fn who_alternates_is_moved_a_few_times_and_then_left_alone() {
        for period in 1..40 {
            let mut tuner = Tuner::new(3, 0);
            let moves: usize = (0..400)
                .map(|n| run(&mut tuner, period, 1 + n % 2).len())
                .sum();
            assert!(moves <= 7, "{moves} moves, {period} windows apart");
        }
    }

    #[test]
    fn without_a_majority_nothing_moves() {
        let mut tuner = Tuner::new(3, 0);
        for _ in 0..100 {
            assert_eq!(tuner.window(1000, [0, 400, 0]), None);
        }
    }

    #[test]
    fn patience_comes_back_after_a_calm() {
        let mut tuner = Tuner::new(3, 0);
        for n in 0..20 {
            run(&mut tuner, 70, n % 2);
        }
        assert!(tuner.patience > 16);
        let serving = tuner.serving();
        run(&mut tuner, 10 * CALM as usize, serving);
        assert_eq!(tuner.patience, PATIENCE.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 })
        })]
        #[test]
        fn any_figures_are_borne(
            windows in prop::collection::vec((any::<u64>(), any::<[u64; 4]>()), 1..100),
        ) {
            let mut tuner = Tuner::new(4, 3);
            for (allocated, freed) in windows {
                let before = tuner.serving();
                match tuner.window(allocated, freed) {
                    None => prop_assert_eq!(tuner.serving(), before),
                    Some(moved) => {
                        prop_assert_eq!((moved.from, moved.to), (before, tuner.serving()));
                        prop_assert!(moved.from != moved.to && moved.percent >= MAJORITY as u8);
                    }
                }
            }
        }
    }
}
