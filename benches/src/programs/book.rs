//! The job of the example `order_book`, with each order in a box.

use super::{Outcome, mix, part};
use crate::process::timed;
use examples::book::Book;
use examples::generate::{DEFAULT_SEED, Stream};
use examples::message::{Message, Side};
use examples::order::Order;
use std::time::Duration;

/// Messages.
const MESSAGES: u64 = 3_000_000;

/// Messages that are made at a time, while the clock does not run.
const BATCH: usize = 1 << 16;

pub(super) fn run(percent: u32) -> Outcome {
    let messages = part(MESSAGES, percent) as usize;
    let mut stream = Stream::new(DEFAULT_SEED).take(messages);
    let mut book = Book::<Box<Order>>::new();
    let mut batch: Vec<Message> = Vec::with_capacity(BATCH);
    let mut elapsed = Duration::ZERO;
    loop {
        batch.clear();
        batch.extend(stream.by_ref().take(BATCH).map(|numbered| numbered.message));
        if batch.is_empty() {
            break;
        }
        let (took, _) = timed(|| {
            for message in &batch {
                book.apply(message).expect("the stream is well-formed");
            }
        });
        elapsed += took;
    }
    let orders = [Side::Buy, Side::Sell].map(|side| {
        let ids = book.queue(side).map(|order| mix(order.id, order.size));
        ids.fold(0, mix)
    });
    Outcome {
        elapsed,
        digest: orders.into_iter().fold(book.unknown(), mix),
    }
}
