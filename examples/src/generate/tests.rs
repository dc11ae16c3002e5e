//! The stream is the same every time, consistent, and of the shape that it says.

use super::{DEFAULT_SEED, FIRST_ID, MORNING, MOST_RESTING, Stream, TICK};
use crate::book::Book;
use crate::message::{Event, Side};
use crate::order::Order;

/// FNV-1a over the fields of a stream's first messages.
fn checksum(seed: u64, messages: usize) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |number: u64| {
        for byte in number.to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for numbered in Stream::new(seed).take(messages) {
        add(numbered.line);
        add(numbered.message.time);
        let fields = match numbered.message.event {
            Event::New {
                id,
                side,
                price,
                size,
            } => [
                1,
                id,
                size,
                price.cast_unsigned(),
                u64::from(side == Side::Buy),
            ],
            Event::Cancel { id, size } => [2, id, size, 0, 0],
            Event::Delete { id } => [3, id, 0, 0, 0],
            Event::Execute { id, size } => [4, id, size, 0, 0],
            Event::Hidden => [5, 0, 0, 0, 0],
            Event::Cross => [6, 0, 0, 0, 0],
            Event::Halt => [7, 0, 0, 0, 0],
        };
        fields.into_iter().for_each(&mut add);
    }
    hash
}

#[test]
#[cfg_attr(miri, ignore = "takes very many messages")]
fn a_seed_is_a_stream() {
    // Figures measured on different versions are comparable only as long as this holds.
    assert_eq!(checksum(DEFAULT_SEED, 100_000), 1_685_940_304_244_995_967);
    assert_ne!(checksum(1, 1_000), checksum(2, 1_000));
}

/// What a stream's messages were.
#[derive(Default)]
struct Shape {
    new: u64,
    cancel: u64,
    delete: u64,
    execute: u64,
    hidden: u64,
    /// Pauses of at least 20 ms.
    pauses: u64,
    /// New orders within 5 ticks of their side's best.
    near: u64,
}

/// Replays a stream and checks every message against the book that it made.
fn check(stream: Stream, messages: usize, most: usize) -> (Shape, Book<Box<Order>>) {
    let mut shape = Shape::default();
    let mut book = Book::<Box<Order>>::new();
    let mut sizes = std::collections::HashMap::new();
    let (mut time, mut last_id) = (MORNING, FIRST_ID);
    for numbered in stream.take(messages) {
        let message = numbered.message;
        assert!(message.time >= time, "time goes on");
        shape.pauses += u64::from(message.time - time >= 20_000_000);
        time = message.time;
        // Orders of the time before the day started are not known, all others are.
        let left = |id: u64| match id < FIRST_ID {
            true => u64::MAX,
            false => sizes[&id],
        };
        match message.event {
            Event::New {
                id,
                side,
                price,
                size,
            } => {
                shape.new += 1;
                assert!(id > last_id && size > 0 && price > 0 && price % TICK == 0);
                last_id = id;
                let best = book.top(side).map_or(price, |top| top.price);
                shape.near += u64::from((price - best).abs() <= 5 * TICK);
                sizes.insert(id, size);
            }
            Event::Cancel { id, size } => {
                shape.cancel += 1;
                assert!(size > 0 && size < left(id));
                sizes.entry(id).and_modify(|left| *left -= size);
            }
            Event::Delete { id } => {
                shape.delete += 1;
                assert!(left(id) > 0);
                sizes.remove(&id);
            }
            Event::Execute { id, size } => {
                shape.execute += 1;
                assert!(size > 0 && size <= left(id));
                if id >= FIRST_ID {
                    let firsts = [Side::Buy, Side::Sell].map(|side| book.queue(side).next());
                    assert!(firsts.iter().flatten().any(|first| first.id == id));
                }
                sizes.entry(id).and_modify(|left| *left -= size);
                if sizes.get(&id) == Some(&0) {
                    sizes.remove(&id);
                }
            }
            Event::Hidden => shape.hidden += 1,
            Event::Cross | Event::Halt => unreachable!("the stream has none"),
        }
        book.apply(&message).unwrap();
        assert_eq!(book.resting(), sizes.len());
        assert!(sizes.len() <= most);
        if let (Some(bid), Some(ask)) = (book.top(Side::Buy), book.top(Side::Sell)) {
            assert!(bid.price < ask.price, "the book crosses");
        }
    }
    (shape, book)
}

#[test]
#[cfg_attr(miri, ignore = "takes very many messages")]
fn the_stream_has_its_shape() {
    const MESSAGES: u64 = 300_000;
    let stream = Stream::new(DEFAULT_SEED);
    let (shape, book) = check(stream, MESSAGES as usize, MOST_RESTING);
    let share = |count: u64| count as f64 * 100.0 / MESSAGES as f64;
    // At first more come than go.
    assert!((46.0..49.0).contains(&share(shape.new)));
    assert!((37.0..43.0).contains(&share(shape.delete)));
    assert!((5.5..7.0).contains(&share(shape.cancel)));
    assert!((4.0..6.5).contains(&share(shape.execute)));
    assert!((0.8..1.2).contains(&share(shape.hidden)));
    assert!((0.07..0.13).contains(&share(book.unknown())));
    assert!((1.6..2.2).contains(&share(shape.pauses)));
    assert!((60.0..90.0).contains(&(shape.near as f64 * 100.0 / shape.new as f64)));
    assert!((8_000..20_000).contains(&book.resting()));
}

#[test]
#[cfg_attr(miri, ignore = "takes very many messages")]
fn other_seeds_are_consistent_too() {
    for seed in 0..4 {
        check(Stream::new(seed), 20_000, MOST_RESTING);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes very many messages")]
fn the_bound_on_resting_orders_holds() {
    let mut stream = Stream::new(DEFAULT_SEED);
    stream.most = 500;
    let (_, book) = check(stream, 20_000, 500);
    assert_eq!(book.peak(), 500);
}
