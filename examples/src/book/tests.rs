//! The book beside a model that scans a list.

use super::{Book, Refusal, Top};
use crate::generate::{DEFAULT_SEED, Stream};
use crate::message::{Event, Message, Side};
use crate::order::{Order, OrderBox};
use pool::PoolBox;
use proptest::collection::vec;
use proptest::prelude::*;
use std::convert::Infallible;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// An order of the model: id, side, price, size.
type Line = (u64, Side, i64, u64);

/// What a book is, told in the simplest way: a list in order of arrival.
#[derive(Default)]
struct Model {
    orders: Vec<Line>,
    peak: usize,
    unknown: u64,
}

impl Model {
    /// Whether the message was taken.
    fn apply(&mut self, event: Event) -> bool {
        let (id, size) = match event {
            Event::New {
                id,
                side,
                price,
                size,
            } => {
                let new = !self.orders.iter().any(|order| order.0 == id);
                if new {
                    self.orders.push((id, side, price, size));
                    self.peak = self.peak.max(self.orders.len());
                }
                return new;
            }
            Event::Cancel { id, size } | Event::Execute { id, size } => (id, size),
            Event::Delete { id } => (id, u64::MAX),
            Event::Hidden | Event::Cross | Event::Halt => return true,
        };
        match self.orders.iter().position(|order| order.0 == id) {
            Some(at) if self.orders[at].3 > size => self.orders[at].3 -= size,
            Some(at) => drop(self.orders.remove(at)),
            None => self.unknown += 1,
        }
        true
    }

    fn queue(&self, side: Side) -> Vec<Line> {
        let mut queue: Vec<Line> = self
            .orders
            .iter()
            .filter(|o| o.1 == side)
            .copied()
            .collect();
        // Stable, so that age decides within a price.
        queue.sort_by(|a, b| match side {
            Side::Buy => b.2.cmp(&a.2),
            Side::Sell => a.2.cmp(&b.2),
        });
        queue
    }

    fn top(&self, side: Side) -> Option<Top> {
        let queue = self.queue(side);
        let price = queue.first()?.2;
        let at_price = queue.iter().filter(|order| order.2 == price);
        let size = at_price.map(|order| u128::from(order.3)).sum();
        Some(Top { price, size })
    }
}

fn queue<B: OrderBox>(book: &Book<B>, side: Side) -> Vec<Line> {
    let orders = book.queue(side);
    orders.map(|o| (o.id, o.side, o.price, o.size)).collect()
}

fn assert_same<B: OrderBox>(book: &Book<B>, model: &Model) {
    for side in [Side::Buy, Side::Sell] {
        assert_eq!(queue(book, side), model.queue(side));
        assert_eq!(book.top(side), model.top(side));
    }
    assert_eq!(book.resting(), model.orders.len());
    assert_eq!(book.peak(), model.peak);
    assert_eq!(book.unknown(), model.unknown);
}

/// Few ids and fewer prices, the extremes among them, so that orders meet.
fn event() -> impl Strategy<Value = Event> {
    let id = || prop_oneof![9 => 0..12_u64, 1 => Just(u64::MAX)];
    let size = || prop_oneof![4 => 0..5_u64, 1 => u64::MAX - 1..=u64::MAX];
    let price = prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(1), Just(i64::MAX)];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    prop_oneof![
        6 => (id(), side, price, size()).prop_map(|(id, side, price, size)| Event::New {
            id,
            side,
            price,
            size: size.max(1),
        }),
        2 => (id(), size()).prop_map(|(id, size)| Event::Cancel { id, size }),
        2 => id().prop_map(|id| Event::Delete { id }),
        2 => (id(), size()).prop_map(|(id, size)| Event::Execute { id, size }),
        1 => prop_oneof![Just(Event::Hidden), Just(Event::Cross), Just(Event::Halt)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_book_is_the_model(events in vec(event(), 0..120)) {
        let mut model = Model::default();
        let mut pooled = Book::<PoolBox<Order>>::new();
        let mut boxed = Book::<Box<Order>>::new();
        for event in events {
            let message = Message { time: 0, event };
            let taken = model.apply(event);
            prop_assert_eq!(pooled.apply(&message).is_ok(), taken);
            prop_assert_eq!(boxed.apply(&message).is_ok(), taken);
            assert_same(&pooled, &model);
            assert_same(&boxed, &model);
        }
    }
}

fn new(id: u64, price: i64, size: u64) -> Message {
    let side = Side::Buy;
    let event = Event::New {
        id,
        side,
        price,
        size,
    };
    Message { time: id, event }
}

fn message(event: Event) -> Message {
    Message { time: 0, event }
}

#[test]
fn an_order_keeps_its_place_until_it_goes() {
    let mut book = Book::<PoolBox<Order>>::new();
    for id in 1..=3 {
        book.apply(&new(id, 100, 10)).unwrap();
    }
    let ids = |book: &Book<_>| -> Vec<u64> { queue(book, Side::Buy).iter().map(|o| o.0).collect() };
    book.apply(&message(Event::Cancel { id: 1, size: 9 }))
        .unwrap();
    assert_eq!(ids(&book), [1, 2, 3]);
    assert_eq!(
        book.top(Side::Buy),
        Some(Top {
            price: 100,
            size: 21
        })
    );
    book.apply(&message(Event::Execute { id: 1, size: 5 }))
        .unwrap();
    assert_eq!(ids(&book), [2, 3]);
    // An id may be used again once its order is gone; it queues anew.
    book.apply(&new(1, 100, 1)).unwrap();
    book.apply(&message(Event::Delete { id: 3 })).unwrap();
    assert_eq!(ids(&book), [2, 1]);
    assert_eq!((book.resting(), book.peak(), book.unknown()), (2, 3, 0));
}

#[test]
fn sums_of_sizes_do_not_overflow() {
    let mut book = Book::<Box<Order>>::new();
    for id in 0..3 {
        book.apply(&new(id, 100, u64::MAX)).unwrap();
    }
    let size = 3 * u128::from(u64::MAX);
    assert_eq!(book.top(Side::Buy), Some(Top { price: 100, size }));
}

#[test]
fn an_id_that_rests_is_refused() {
    let mut book = Book::<Box<Order>>::new();
    book.apply(&new(7, 100, 1)).unwrap();
    let refusal = book.apply(&new(7, 99, 2)).unwrap_err();
    assert!(matches!(
        refusal,
        Refusal::<Infallible>::Duplicate { id: 7 }
    ));
    assert_eq!(refusal.to_string(), "an order of id 7 is resting already");
    assert_eq!(queue(&book, Side::Buy), [(7, Side::Buy, 100, 1)]);
}

/// A box that refuses orders of size 13.
struct Picky(Box<Order>);

#[derive(Debug)]
struct Thirteen;

impl fmt::Display for Thirteen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no")
    }
}

impl std::error::Error for Thirteen {}

impl Deref for Picky {
    type Target = Order;
    fn deref(&self) -> &Order {
        &self.0
    }
}

impl DerefMut for Picky {
    fn deref_mut(&mut self) -> &mut Order {
        &mut self.0
    }
}

impl OrderBox for Picky {
    type Full = Thirteen;
    fn try_new(order: Order) -> Result<Self, Thirteen> {
        match order.size {
            13 => Err(Thirteen),
            _ => Ok(Self(Box::new(order))),
        }
    }
    fn stats() -> Option<pool::Stats> {
        None
    }
}

#[test]
fn an_order_without_room_changes_nothing() {
    let mut book = Book::<Picky>::new();
    book.apply(&new(1, 100, 1)).unwrap();
    for price in [100, 101] {
        let refusal = book.apply(&new(2, price, 13)).unwrap_err();
        assert!(matches!(refusal, Refusal::Full(Thirteen)));
    }
    assert_eq!(queue(&book, Side::Buy), [(1, Side::Buy, 100, 1)]);
    assert_eq!((book.resting(), book.peak()), (1, 1));
    book.apply(&message(Event::Delete { id: 2 })).unwrap();
    assert_eq!(book.unknown(), 1);
}

#[test]
#[cfg_attr(miri, ignore = "takes very many messages")]
fn pooled_and_boxed_books_are_the_same() {
    let mut pooled = Book::<PoolBox<Order>>::new();
    let mut boxed = Book::<Box<Order>>::new();
    for numbered in Stream::new(DEFAULT_SEED).take(100_000) {
        pooled.apply(&numbered.message).unwrap();
        boxed.apply(&numbered.message).unwrap();
    }
    assert!(pooled.resting() > 1_000);
    for side in [Side::Buy, Side::Sell] {
        assert_eq!(queue(&pooled, side), queue(&boxed, side));
        assert_eq!(pooled.top(side), boxed.top(side));
    }
    assert_eq!(pooled.resting(), boxed.resting());
    assert_eq!(pooled.peak(), boxed.peak());
    assert_eq!(pooled.unknown(), boxed.unknown());
}
