//! Programs on jemalloc: see [`benches::programs`].

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static GLOBAL: Jemalloc = Jemalloc;

fn main() {
    benches::programs::main("jemalloc");
}
