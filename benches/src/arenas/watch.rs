//! Who looks at what was allocated: the optimiser's blind spot, or a test.

use std::collections::BTreeMap;
use std::hint::black_box;

/// Is shown each allocation.
pub(super) trait Watch {
    /// Looks at one, which is written.
    fn see<T: Content + ?Sized>(&mut self, place: &mut T);
}

/// While it is measured: all of it may be read, and nothing is.
pub(super) struct Shown;

impl Watch for Shown {
    #[inline(always)]
    fn see<T: Content + ?Sized>(&mut self, place: &mut T) {
        black_box(place);
    }
}

/// What is in memory, in one number.
pub(super) trait Content {
    /// It.
    fn content(&self) -> u64;
}

fn mix(sum: u64, word: u64) -> u64 {
    (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<const N: usize> Content for [u64; N] {
    fn content(&self) -> u64 {
        self[..].content()
    }
}

impl Content for [u64] {
    fn content(&self) -> u64 {
        self.iter().fold(0, |sum, word| mix(sum, *word))
    }
}

impl Content for [u32] {
    fn content(&self) -> u64 {
        self.iter().fold(0, |sum, word| mix(sum, (*word).into()))
    }
}

impl Content for [u8] {
    fn content(&self) -> u64 {
        self.iter().fold(0, |sum, word| mix(sum, (*word).into()))
    }
}

impl Content for str {
    fn content(&self) -> u64 {
        self.as_bytes().content()
    }
}

/// A plain value, made from a number.
pub(super) trait Value: Content + Copy + Send + 'static {
    /// The `n`th.
    fn nth(n: u64) -> Self;
}

impl<const N: usize> Value for [u64; N] {
    #[inline(always)]
    fn nth(n: u64) -> Self {
        [n; N]
    }
}

/// Words that may be anywhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unaligned<const N: usize>([[u8; 8]; N]);

impl<const N: usize> Content for Unaligned<N> {
    fn content(&self) -> u64 {
        self.0.as_flattened().content()
    }
}

impl<const N: usize> Value for Unaligned<N> {
    #[inline(always)]
    fn nth(n: u64) -> Self {
        Self([n.to_ne_bytes(); N])
    }
}

impl Content for crate::Order {
    fn content(&self) -> u64 {
        let Self {
            id,
            price,
            qty,
            open,
            side,
            time,
            owner,
            instrument,
        } = *self;
        let price = price.cast_unsigned();
        [id, price, qty, open, side as u64, time, owner, instrument].content()
    }
}

impl Value for crate::Order {
    #[inline(always)]
    fn nth(n: u64) -> Self {
        Self::nth(n)
    }
}

/// What a tick did: how much was seen, and what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// How often something was seen.
    pub seen: u64,
    /// All that was in it.
    pub sum: u64,
}

/// Remembers where everything was and what was in it.
pub(super) struct Noted {
    pub(super) answer: Answer,
    /// Where what is live begins, and ends; `None` where not all that was seen is live.
    live: Option<BTreeMap<usize, usize>>,
}

impl Noted {
    pub(super) fn new(all_live: bool) -> Self {
        Self {
            answer: Answer { seen: 0, sum: 0 },
            live: all_live.then(BTreeMap::new),
        }
    }
}

impl Watch for Noted {
    fn see<T: Content + ?Sized>(&mut self, place: &mut T) {
        let Answer { seen, sum } = self.answer;
        self.answer = Answer {
            seen: seen + 1,
            sum: mix(sum, place.content()),
        };
        let start = (&raw const *place).addr();
        assert_eq!(start % align_of_val(place), 0, "it is not aligned");
        let Some(live) = &mut self.live else {
            return;
        };
        let end = start + size_of_val(place);
        if let Some((_, before)) = live.range(..end).next_back() {
            assert!(*before <= start, "two are in one place");
        }
        live.insert(start, end);
    }
}
