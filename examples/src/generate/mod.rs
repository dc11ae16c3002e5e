//! Makes up a day's messages: as many as wanted, always the same, shaped like a busy stock's.
//!
//! Per 100 messages about 46 are new orders, 42 deletions, 6 partial cancellations, 5 executions
//! and 1 a hidden execution; 1 in 1,000 names an order that never rested, as in files that start
//! during the day.
//!
//! * A fair price walks at random, a cent at a time, and seldom jumps. Five in six new orders come
//!   near it or the touch, at distances that fall off geometrically; the others rest deep, at
//!   distances of a power law (Pareto's, of exponent 1), up to 20 dollars.
//! * Near orders live for 20 to 20,000 messages, deep ones for 130,000 to 4,000,000, both by the
//!   same power law: most are gone soon, and a long tail rests. By Little's law that makes some
//!   20,000 to 27,000 orders resting from the first million messages on; there are never more than
//!   [`MOST_RESTING`].
//! * Executions come in sweeps: a trade takes the best orders, the first of a price first, until it
//!   is filled. They hit the side that the fair price has come to, so the book follows it. Bids and
//!   asks never cross.
//! * Time comes in bursts: some 50 messages within microseconds of each other, then a pause of
//!   20 ms to 20 s.
//!
//! Everything is drawn in integers from xoshiro256++, so the stream is the same on every machine.

mod draws;
mod market;
#[cfg(test)]
mod tests;

use crate::message::{Event, Message, Numbered, Side};
use draws::Draws;
use market::Market;

/// Messages that are made if nobody says how many.
pub const DEFAULT_MESSAGES: u64 = 5_000_000;

/// The seed of the stream that `order_book` replays.
pub const DEFAULT_SEED: u64 = 0x5eed;

/// There are never more orders resting.
pub const MOST_RESTING: usize = 60_000;

/// A cent, in the prices' unit.
const TICK: i64 = 100;
/// Where the fair price starts, in ticks.
const OPEN: i64 = 58_533;
/// The fair price goes no lower.
const LOWEST: i64 = 5_000;
/// Orders are that far from the fair price at most, in ticks, so that prices stay positive.
const DEEPEST: u64 = 2_000;
/// The day starts at 9:30, in nanoseconds after midnight.
const MORNING: u64 = 34_200_000_000_000;
/// Ids below this one were given before the day's start.
const FIRST_ID: u64 = 16_000_000;
/// A side is not traded down below so many orders.
const THINNEST: usize = 32;

/// What is to come next, in parts of [`MIX`], when no order's time is up. Deletions have no share
/// of their own: they come when they are due, one for each new order that was not executed.
const NEW: u64 = 4_600;
const CANCEL: u64 = 670;
const HIDDEN: u64 = 100;
/// Less than the executions' share, as one sweep makes several.
const SWEEP: u64 = 120;
const MIX: u64 = NEW + CANCEL + HIDDEN + SWEEP;

/// A stream of messages. It never ends.
#[derive(Debug)]
pub struct Stream {
    draws: Draws,
    /// The book as the stream believes it to be; it names only orders that rest.
    market: Market,
    /// Messages made so far; also the clock by which orders live.
    made: u64,
    /// Nanoseconds after midnight.
    time: u64,
    /// The id given last.
    id: u64,
    /// What a share is worth, in ticks.
    fair: i64,
    /// The trade that is not filled yet.
    sweep: Option<Sweep>,
    /// There are never more orders resting.
    most: usize,
}

#[derive(Debug)]
struct Sweep {
    /// The side whose orders are executed.
    side: Side,
    /// At least 1.
    left: u64,
}

impl Stream {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            draws: Draws::new(seed),
            market: Market::default(),
            made: 0,
            time: MORNING,
            id: FIRST_ID,
            fair: OPEN,
            sweep: None,
            most: MOST_RESTING,
        }
    }

    fn step(&mut self) -> Event {
        if let Some(Sweep { side, left }) = self.sweep.take()
            && let Some(event) = self.execute(side, left)
        {
            return event;
        }
        self.wait();
        self.wander();
        if self.draws.one_in(1_000) {
            return self.unknown();
        }
        if let Some(id) = self.market.due(self.made) {
            self.market.take(id, u64::MAX);
            return Event::Delete { id };
        }
        let draw = self.draws.below(MIX);
        let event = if draw < NEW {
            None
        } else if draw < NEW + CANCEL {
            self.cancel()
        } else if draw < NEW + CANCEL + HIDDEN {
            Some(Event::Hidden)
        } else {
            let side = self.side_to_hit();
            let size = self.draws.pareto(100, 5_000);
            self.execute(side, size)
        };
        event.unwrap_or_else(|| self.add())
    }

    /// Lets time pass: a little within a burst, a lot between two.
    fn wait(&mut self) {
        self.time += match self.draws.one_in(50) {
            true => self.draws.pareto(20_000_000, 20_000_000_000),
            false => self.draws.pareto(300, 100_000),
        };
    }

    /// Moves the fair price.
    fn wander(&mut self) {
        if !self.draws.one_in(200) {
            return;
        }
        let ticks = match self.draws.one_in(100) {
            true => self.draws.pareto(2, 50).cast_signed(),
            false => 1,
        };
        let up = self.draws.one_in(2);
        self.fair = (self.fair + if up { ticks } else { -ticks }).max(LOWEST);
    }

    /// Names an order that never rested in this stream.
    fn unknown(&mut self) -> Event {
        let id = self.draws.between(1, FIRST_ID - 1);
        let size = self.size();
        match self.draws.below(3) {
            0 => Event::Cancel { id, size },
            1 => Event::Delete { id },
            _ => Event::Execute { id, size },
        }
    }

    /// A new order; or, where there are too many, an end to an old one.
    fn add(&mut self) -> Event {
        if self.market.len() >= self.most
            && let Some(id) = self.market.any(&mut self.draws)
        {
            self.market.take(id, u64::MAX);
            return Event::Delete { id };
        }
        let side = match self.draws.one_in(2) {
            true => Side::Buy,
            false => Side::Sell,
        };
        let (distance, life) = match self.draws.one_in(6) {
            true => (
                self.draws.pareto(10, DEEPEST),
                self.draws.pareto(130_000, 4_000_000),
            ),
            false => (self.draws.geometric(3), self.draws.pareto(20, 20_000)),
        };
        let price = TICK * self.ticks(side, distance.cast_signed());
        let size = self.size();
        self.id += self.draws.pareto(1, 1_000);
        let id = self.id;
        self.market.add(id, side, price, size, self.made + life);
        Event::New {
            id,
            side,
            price,
            size,
        }
    }

    /// A price at a distance from the fair one that does not cross the other side, in ticks.
    fn ticks(&self, side: Side, distance: i64) -> i64 {
        let other = self.market.best(side.opposite());
        let other = other.map(|(_, price)| price / TICK);
        match side {
            Side::Buy => (self.fair - distance).min(other.map_or(i64::MAX, |ask| ask - 1)),
            Side::Sell => (self.fair + 1 + distance).max(other.map_or(i64::MIN, |bid| bid + 1)),
        }
    }

    /// Most orders are of 100 shares, many are odd lots, some are several hundreds.
    fn size(&mut self) -> u64 {
        match self.draws.below(20) {
            0..12 => 100,
            12..17 => self.draws.between(1, 99),
            _ => 100 * self.draws.pareto(2, 50),
        }
    }

    /// Takes a part of some order away.
    fn cancel(&mut self) -> Option<Event> {
        let id = self.market.any(&mut self.draws)?;
        let whole = self.market.size(id);
        let size = (whole > 1).then(|| self.draws.between(1, whole - 1))?;
        self.market.take(id, size);
        Some(Event::Cancel { id, size })
    }

    /// The side that the fair price has come to, or either.
    fn side_to_hit(&mut self) -> Side {
        let fair = self.fair * TICK;
        let beyond = |best: Option<(u64, i64)>, is: fn(&i64, &i64) -> bool| {
            best.is_some_and(|(_, price)| is(&fair, &price))
        };
        if beyond(self.market.best(Side::Sell), i64::ge) {
            Side::Sell
        } else if beyond(self.market.best(Side::Buy), i64::lt) {
            Side::Buy
        } else if self.draws.one_in(2) {
            Side::Sell
        } else {
            Side::Buy
        }
    }

    /// Executes as much of a trade as the best order has; what is left of the trade comes next.
    fn execute(&mut self, side: Side, wanted: u64) -> Option<Event> {
        if self.market.depth(side) < THINNEST {
            return None;
        }
        let (id, _) = self.market.best(side)?;
        let size = self.market.size(id).min(wanted);
        self.market.take(id, size);
        let left = wanted - size;
        self.sweep = (left > 0).then_some(Sweep { side, left });
        Some(Event::Execute { id, size })
    }
}

impl Iterator for Stream {
    type Item = Numbered;

    fn next(&mut self) -> Option<Numbered> {
        self.made += 1;
        let event = self.step();
        let time = self.time;
        let line = self.made;
        let message = Message { time, event };
        Some(Numbered { line, message })
    }
}
