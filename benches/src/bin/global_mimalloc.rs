//! Programs on mimalloc: see [`benches::programs`].

use mimalloc::MiMalloc;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

fn main() {
    benches::programs::main("mimalloc");
}
