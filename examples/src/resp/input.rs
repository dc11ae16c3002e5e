//! What was read from a client and is not done with.

/// Bytes that a client's buffer has room for while its requests are short.
const USUAL: usize = 16 << 10;

/// A buffer that bytes are read into at its end, and taken from at its beginning.
///
/// It doubles as a request turns out to be longer, is as it was when that is done with, and moves
/// what is left of a request at most once for each time that it has been filled: all in all, linear.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// What is there.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room for more: never none, and at least a quarter of the buffer.
    #[must_use]
    pub fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() != USUAL {
                self.bytes = vec![0; USUAL];
            }
        }
        let len = self.end - self.start;
        if self.bytes.len() - self.end < self.bytes.len() / 4 {
            if len <= self.bytes.len() / 2 {
                self.bytes.copy_within(self.start..self.end, 0);
            } else {
                let mut longer = vec![0; 2 * self.bytes.len()];
                longer[..len].copy_from_slice(self.as_slice());
                self.bytes = longer;
            }
            (self.start, self.end) = (0, len);
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes of the room are there now.
    pub fn filled(&mut self, len: usize) {
        debug_assert!(len <= self.bytes.len() - self.end);
        self.end += len;
    }

    /// So many bytes are done with.
    pub fn used(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.start);
        self.start += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut input = Input::default();
        let (mut next_in, mut next_out) = (0_u8, 0_u8);
        // By turns more goes in than comes out, and the other way round.
        let turns = if cfg!(miri) { 20 } else { 400 };
        for turn in 0..turns {
            let room = input.room();
            assert!(room.len() >= USUAL / 4);
            let many = (turn * 7919_usize % 5000).min(room.len());
            for byte in &mut room[..many] {
                *byte = next_in;
                next_in = next_in.wrapping_add(1);
            }
            input.filled(many);
            let there = input.as_slice();
            let used = if turn % 20 < 10 {
                there.len() / 9
            } else {
                there.len()
            };
            for &byte in &there[..used] {
                assert_eq!(byte, next_out);
                next_out = next_out.wrapping_add(1);
            }
            input.used(used);
        }
        assert!(input.as_slice().is_empty());
        assert_eq!(input.room().len(), USUAL);
    }

    #[test]
    fn the_buffer_is_at_most_double_of_what_is_there() {
        let mut input = Input::default();
        for _ in 0..1000 {
            input.room()[..1000].fill(7);
            input.filled(1000);
        }
        assert_eq!(input.as_slice().len(), 1_000_000);
        assert!(input.bytes.len() <= 2 << 20);
    }
}
