//! Any program of an arena's operations, against a model.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|program: &[u8]| tests::arena_programs::run(program));
