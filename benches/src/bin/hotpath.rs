//! Loops for an instruction counter: what writing an order costs, and what it costs to make one in
//! the pool and drop it. The difference is the pool's own. `ci/hotpath.sh` counts, and reads the
//! machine code of [`loop_pool`].

use benches::Order;
use clap::{Parser, ValueEnum};
use pool::PoolBox;
use std::hint::black_box;

#[derive(Parser)]
struct Args {
    what: What,
    /// How many times.
    count: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Write orders to one place.
    Write,
    /// Make and drop orders.
    Pool,
}

fn main() {
    let args = Args::parse();
    match args.what {
        What::Write => loop_write(&mut Box::new(Order::nth(0)), args.count),
        What::Pool => {
            // The pool's first use, which is counted at every count and so drops out.
            drop(black_box(PoolBox::new(Order::nth(0))));
            loop_pool(args.count);
        }
    }
}

#[inline(never)]
fn loop_write(place: &mut Order, count: u64) {
    for n in 0..count {
        let mut order = &mut *place;
        *order = Order::nth(n);
        black_box(&mut order);
    }
}

#[inline(never)]
fn loop_pool(count: u64) {
    for n in 0..count {
        let mut order = PoolBox::new(Order::nth(n));
        black_box(&mut order);
    }
}
