//! Programs on `SlabAlloc`: see [`benches::programs`].

use pool::SlabAlloc;

#[global_allocator]
static GLOBAL: SlabAlloc = SlabAlloc::new();

fn main() {
    benches::programs::main("slab");
}
