//! Programs on snmalloc: see [`benches::programs`].

use snmalloc_rs::SnMalloc;

#[global_allocator]
static GLOBAL: SnMalloc = SnMalloc;

fn main() {
    benches::programs::main("snmalloc");
}
