//! Any program of the operations of allocators, on several threads, against a model. One whose first byte is odd
//! does the same each time; in others threads work at the same time too.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|program: &[u8]| tests::slab_traces::run(program));
