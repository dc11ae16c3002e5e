//! Loops for an instruction counter: what writing an order costs, and what it costs to make one in
//! the pool and drop it. The difference is the pool's own. `ci/hotpath.sh` counts, and reads the
//! machine code of [`loop_pool`] and of [`build_frame`].

use benches::Order;
use clap::{Parser, ValueEnum};
use pool::{PoolBox, Pooled};
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
    /// Build frames in the pool.
    Frame,
}

/// What nobody wants copied through the stack.
#[derive(Pooled)]
#[pool(capacity = 64)]
struct Frame {
    number: u64,
    length: u32,
    body: [u8; 4096],
}

impl Frame {
    fn filled(number: u64, byte: u8) -> Self {
        Self {
            number,
            length: 4096,
            body: [byte; 4096],
        }
    }
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
        What::Frame => {
            for n in 0..args.count {
                let frame = build_frame(n, n as u8);
                assert_eq!((frame.number, frame.length), (n, 4096));
                assert_eq!(frame.body[n as usize % 4096], n as u8);
            }
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

#[inline(never)]
fn build_frame(number: u64, byte: u8) -> PoolBox<Frame> {
    PoolBox::new_with(|| Frame::filled(number, byte))
}
