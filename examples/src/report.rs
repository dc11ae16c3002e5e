//! What a replay has shown, for people and as JSON.

use crate::book::{Book, Top};
use crate::message::Side;
use crate::order::{Order, OrderBox};
use crate::replay::{Timing, clock_cost};
use serde::Serialize;
use std::fmt;

/// What a replay has shown. Prices are in units of 1e-4 dollars, times in nanoseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where the messages came from.
    pub source: String,
    /// Messages applied.
    pub messages: u64,
    /// Orders that rest at the end.
    pub resting: usize,
    /// The most orders that rested at one time.
    pub peak: usize,
    /// Messages about an order that did not rest.
    pub unknown: u64,
    /// The highest price bid.
    pub best_bid: Option<i64>,
    /// What is bid at that price.
    pub best_bid_size: Option<u128>,
    /// The lowest price asked.
    pub best_ask: Option<i64>,
    /// What is asked at that price.
    pub best_ask_size: Option<u128>,
    /// Messages applied in a second; nothing if there were none.
    pub messages_per_second: Option<u64>,
    /// The time of one message; nothing if there were none.
    pub latency_ns: Option<Latency>,
    /// What reading the clock costs; each message's time has it once.
    pub clock_ns: u64,
    /// Where orders lived: `pool` or `box`.
    pub alloc: &'static str,
    /// Bytes of an order.
    pub order_bytes: usize,
    /// The pool's figures, if orders lived in one.
    pub pool: Option<PoolFigures>,
}

/// Percentiles of the messages' times.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    #[serde(rename = "p99.99")]
    pub p99_99: u64,
    pub max: u64,
}

/// The pool's figures while the book still holds its orders, as [`pool::Stats`] explains them.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "they are those of `pool::Stats`")]
pub struct PoolFigures {
    pub capacity: usize,
    pub live: usize,
    pub high_water: usize,
    pub allocations: u64,
    pub frees: u64,
    pub refills: u64,
    pub flushes: u64,
    pub bytes_reserved: usize,
    pub bytes_committed: usize,
    pub threads: usize,
    pub magazine: usize,
}

impl From<pool::Stats> for PoolFigures {
    fn from(stats: pool::Stats) -> Self {
        Self {
            capacity: stats.capacity,
            live: stats.live,
            high_water: stats.high_water,
            allocations: stats.allocations,
            frees: stats.frees,
            refills: stats.refills,
            flushes: stats.flushes,
            bytes_reserved: stats.bytes_reserved,
            bytes_committed: stats.bytes_committed,
            threads: stats.threads,
            magazine: stats.magazine,
        }
    }
}

impl Report {
    /// Reports on a book and on how long it took.
    #[must_use]
    pub fn new<B: OrderBox>(book: &Book<B>, timing: &Timing) -> Self {
        let (bid, ask) = (book.top(Side::Buy), book.top(Side::Sell));
        let pool = B::stats().map(PoolFigures::from);
        let seconds = timing.elapsed.as_secs_f64();
        let some = timing.messages > 0;
        let quantile = |q| timing.latency.value_at_quantile(q);
        Self {
            source: String::new(),
            messages: timing.messages,
            resting: book.resting(),
            peak: book.peak(),
            unknown: book.unknown(),
            best_bid: bid.map(|top| top.price),
            best_bid_size: bid.map(|top| top.size),
            best_ask: ask.map(|top| top.price),
            best_ask_size: ask.map(|top| top.size),
            messages_per_second: some.then(|| (timing.messages as f64 / seconds) as u64),
            latency_ns: some.then(|| Latency {
                p50: quantile(0.5),
                p99: quantile(0.99),
                p99_9: quantile(0.999),
                p99_99: quantile(0.9999),
                max: timing.latency.max(),
            }),
            clock_ns: clock_cost(),
            alloc: if pool.is_some() { "pool" } else { "box" },
            order_bytes: size_of::<Order>(),
            pool,
        }
    }

    /// Says where the messages came from.
    #[must_use]
    pub fn of(mut self, source: &str) -> Self {
        source.clone_into(&mut self.source);
        self
    }

    fn top(&self, side: Side) -> Option<Top> {
        let (price, size) = match side {
            Side::Buy => (self.best_bid, self.best_bid_size),
            Side::Sell => (self.best_ask, self.best_ask_size),
        };
        let (price, size) = (price?, size?);
        Some(Top { price, size })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (messages, source) = (Count(self.messages), &self.source);
        writeln!(f, "messages  {messages} of {source}")?;
        writeln!(
            f,
            "orders    {} resting, {} at the peak; {} messages about unknown ones",
            Count(self.resting as u64),
            Count(self.peak as u64),
            Count(self.unknown),
        )?;
        let (bid, ask) = (self.top(Side::Buy), self.top(Side::Sell));
        writeln!(f, "book      bid {}, ask {}", Quote(bid), Quote(ask))?;
        if let (Some(speed), Some(latency)) = (self.messages_per_second, self.latency_ns) {
            writeln!(f, "speed     {} messages/s", Count(speed))?;
            writeln!(
                f,
                "latency   p50 {}, p99 {}, p99.9 {}, p99.99 {}, max {} ns",
                Count(latency.p50),
                Count(latency.p99),
                Count(latency.p99_9),
                Count(latency.p99_99),
                Count(latency.max),
            )?;
            let clock = Count(self.clock_ns);
            writeln!(
                f,
                "          (speed and latency with the clock's own {clock} ns)"
            )?;
        }
        let bytes = self.order_bytes;
        match self.pool {
            None => writeln!(
                f,
                "alloc     box: {bytes} bytes an order, by the global allocator"
            ),
            Some(pool) => {
                let (live, capacity) = (Count(pool.live as u64), Count(pool.capacity as u64));
                writeln!(
                    f,
                    "alloc     pool: {bytes} bytes an order, {live} of {capacity} live"
                )?;
                writeln!(
                    f,
                    "          {} allocations, {} frees; {} refills and {} flushes of {} slots",
                    Count(pool.allocations),
                    Count(pool.frees),
                    Count(pool.refills),
                    Count(pool.flushes),
                    pool.magazine,
                )?;
                writeln!(
                    f,
                    "          {} live at most, {} KiB committed of {} reserved",
                    Count(pool.high_water as u64),
                    Count(pool.bytes_committed as u64 / 1024),
                    Count(pool.bytes_reserved as u64 / 1024),
                )
            }
        }
    }
}

/// A number with its thousands apart.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A side's top, in dollars.
struct Quote(Option<Top>);

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Top { price, size }) = self.0 else {
            return f.write_str("none");
        };
        // Cents are enough where there are no parts of one.
        let (dollars, parts) = (price.div_euclid(10_000), price.rem_euclid(10_000));
        match parts % 100 {
            0 => write!(f, "{dollars}.{:02} x {size}", parts / 100),
            _ => write!(f, "{dollars}.{parts:04} x {size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Quote};
    use crate::book::Top;

    #[test]
    fn numbers_are_readable() {
        let shown = [0, 999, 1_000, 1_234_567].map(|n| Count(n).to_string());
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        let quote = |price| Quote(Some(Top { price, size: 7 })).to_string();
        assert_eq!(quote(5_853_500), "585.35 x 7");
        assert_eq!(quote(5_853_501), "585.3501 x 7");
        assert_eq!(quote(0), "0.00 x 7");
        assert_eq!(Quote(None).to_string(), "none");
    }
}
