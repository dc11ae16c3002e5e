//! Programs on the system's allocator: see [`benches::programs`].

use std::alloc::System;

#[global_allocator]
static GLOBAL: System = System;

fn main() {
    benches::programs::main("glibc");
}
