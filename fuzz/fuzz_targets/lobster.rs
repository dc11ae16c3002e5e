//! Any bytes as a LOBSTER file: messages or an error that names a line there is; and what are
//! messages leave the book in order.

#![no_main]

use examples::book::Book;
use examples::lobster::{ReadError, Reader};
use examples::message::Side;
use examples::order::Order;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let lines = file.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
    let mut book = Book::<Box<Order>>::new();
    for message in Reader::new(file) {
        match message {
            Ok(message) => {
                assert!((1..=lines).contains(&message.line));
                // A refused message, a new order whose id is resting already, changes nothing.
                let before = book.resting();
                if book.apply(&message.message).is_err() {
                    assert_eq!(book.resting(), before);
                }
            }
            Err(ReadError::Line { line, wrong }) => {
                assert!((1..=lines).contains(&line), "{wrong:?}");
                break;
            }
            Err(ReadError::Io(error)) => panic!("a slice has no such error: {error}"),
        }
    }
    let sides = [Side::Buy, Side::Sell].map(|side| book.queue(side).count());
    assert_eq!(sides[0] + sides[1], book.resting());
    assert!(book.peak() >= book.resting());
});
