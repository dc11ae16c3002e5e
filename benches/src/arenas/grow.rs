//! Collections that grow in an arena.
//!
//! An arena's vectors are `allocator_api2`'s, and so are those of its peers; these have others of
//! their own as well. That of `bump-scope` which wants an arena for itself is left out: the others
//! share theirs.

use super::face::{Face, Keeps, Of, Push, Work, emptied};
use super::heap::Heap;
use super::peers::{OwnVec, Up};
use super::watch::{Value, Watch};
use super::{Comparison, Job, at_most, beside, ours};
use crate::standing::Measure;
use bump_scope::Bump;
use bump_scope::alloc::Global;
use hashbrown::HashMap;
use mimalloc::MiMalloc;
use rustc_hash::FxBuildHasher;
use std::alloc::System;

const VEC_MEASURES: &[Measure] = &[
    at_most(1.0, "bumpalo"),
    at_most(1.0, "bumpalo, own vec"),
    at_most(1.0, "bump-scope"),
    at_most(1.0, "bump-scope, own vec"),
    at_most(1.0, "bump-scope, up 8"),
    beside("mimalloc"),
];

pub(super) const ONE: Comparison = Comparison {
    name: "vec",
    measures: VEC_MEASURES,
    jobs: || vecs::<One>(),
    all_live: false,
};

pub(super) const TWO: Comparison = Comparison {
    name: "vec-two",
    jobs: || vecs::<Two>(),
    ..ONE
};

pub(super) const BESIDE: Comparison = Comparison {
    name: "vec-beside-objects",
    jobs: || vecs::<Beside>(),
    ..ONE
};

pub(super) const MAP: Comparison = Comparison {
    name: "map",
    measures: &[
        at_most(1.0, "bumpalo"),
        at_most(1.0, "bump-scope"),
        at_most(1.0, "bump-scope, up 8"),
        beside("mimalloc"),
    ],
    jobs: || with_plain_vecs::<Map>(),
    all_live: false,
};

fn with_plain_vecs<W: Work>() -> Vec<Box<dyn Job>> {
    let mut jobs = ours::emptied_by_ours::<W>();
    jobs.extend([
        emptied::<bumpalo::Bump, W>("bumpalo"),
        emptied::<Bump, W>("bump-scope"),
        emptied::<Bump<Global, Up>, W>("bump-scope, up 8"),
        emptied::<Heap<MiMalloc>, W>("mimalloc"),
        emptied::<Heap<System>, W>("glibc"),
    ]);
    jobs
}

fn vecs<W: Work>() -> Vec<Box<dyn Job>> {
    let mut jobs = with_plain_vecs::<W>();
    jobs.extend([
        emptied::<OwnVec<bumpalo::Bump>, W>("bumpalo, own vec"),
        emptied::<OwnVec<Bump>, W>("bump-scope, own vec"),
    ]);
    jobs
}

/// Numbers that are pushed a tick.
const PUSHES: u64 = 10_000;

/// One vector.
#[derive(Default)]
struct One;

impl Work for One {
    const STEPS: u64 = PUSHES;
    type State<K: Keeps> = ();

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, (): &mut (), watch: &mut impl Watch) {
        let mut vec = face.vec();
        for n in 0..PUSHES {
            vec.push(n);
        }
        watch.see(vec.words());
    }
}

/// Two, a number each in turns, so that the newest block is seldom the one that grows.
#[derive(Default)]
struct Two;

impl Work for Two {
    const STEPS: u64 = PUSHES;
    type State<K: Keeps> = ();

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, (): &mut (), watch: &mut impl Watch) {
        let mut vecs = (face.vec(), face.vec());
        for n in 0..PUSHES / 2 {
            vecs.0.push(n);
            vecs.1.push(n);
        }
        watch.see(vecs.0.words());
        watch.see(vecs.1.words());
    }
}

/// One, and an object after each number.
#[derive(Default)]
struct Beside;

/// As many as an array of boxes holds.
const OBJECTS: u64 = 1_000;

impl Work for Beside {
    const STEPS: u64 = OBJECTS;
    type State<K: Keeps> = K::Of<[u64; 2]>;

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, kept: &mut Of<F, [u64; 2]>, watch: &mut impl Watch) {
        let mut vec = face.vec();
        for n in 0..OBJECTS {
            vec.push(n);
            face.put(kept, Value::nth(n), watch);
        }
        watch.see(vec.words());
    }
}

/// A map that is filled.
#[derive(Default)]
struct Map;

impl Work for Map {
    const STEPS: u64 = 1_000;
    type State<K: Keeps> = ();

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, (): &mut (), watch: &mut impl Watch) {
        let mut map = HashMap::with_hasher_in(FxBuildHasher, face.allocator());
        for n in 0..Self::STEPS {
            map.insert(n, [n; 2]);
        }
        for n in (0..Self::STEPS).step_by(100) {
            watch.see(map.get_mut(&n).expect("it was inserted"));
        }
    }
}
