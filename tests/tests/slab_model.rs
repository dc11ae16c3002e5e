//! Random programs of allocators, held against the model of [`tests::slab_traces`].

use proptest::collection::vec;
use proptest::prelude::*;
use tests::slab_traces::run;
use tests::{Dice, scaled};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(200, 3) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_program_does_what_the_model_does(program in vec(any::<u8>(), 0..scaled(600, 60))) {
        run(&program);
    }
}

#[test]
fn long_programs_do_what_the_model_does() {
    for seed in 0..scaled(20, 1) as u64 {
        let dice = Dice::new(seed);
        let program: Vec<u8> = (0..scaled(6_000, 100))
            .map(|_| dice.below(256) as u8)
            .collect();
        run(&program);
    }
}
