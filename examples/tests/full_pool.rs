//! A pool that is full: alone in its process, since a type has one pool and this one is made small.

use examples::book::{Book, Refusal};
use examples::lobster::ReadError;
use examples::message::{Event, Message, Numbered, Side};
use examples::order::Order;
use examples::replay::{ReplayError, replay};
use pool::{PoolBox, PoolConfig, Pooled};

fn new(id: u64) -> Result<Numbered, ReadError> {
    let event = Event::New {
        id,
        side: Side::Sell,
        price: 100,
        size: 1,
    };
    let message = Message { time: 0, event };
    Ok(Numbered { line: id, message })
}

#[test]
fn a_full_pool_is_an_error_that_names_the_line() {
    Order::pool()
        .init(PoolConfig::new().capacity(3))
        .expect("the pool is not in use yet");
    let mut book = Book::<PoolBox<Order>>::new();
    let error = replay(&mut book, (1..10).map(new), |_| ()).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("line 4: the pool of "), "{message}");
    assert!(message.contains("capacity of 3"), "{message}");
    assert!(matches!(
        error,
        ReplayError::Refused {
            line: 4,
            refusal: Refusal::Full(_)
        }
    ));
    assert_eq!((book.resting(), Order::pool().len()), (3, 3));
    drop(book);
    assert_eq!(Order::pool().len(), 0);
}
