//! What is answered to a batch of requests, in the batch's arena.

use allocator_api2_04::vec::Vec;
use pool::Arena;
use std::fmt::{self, Write};
use std::mem::take;

/// Bytes of the first piece; the next ones are twice as long, up to `LAST`.
const FIRST: usize = 1 << 10;
const LAST: usize = 64 << 10;

/// What is at least so long and does not fit the piece at hand is a piece by itself, copied once.
const LONG: usize = 4 << 10;

/// Answers, one behind the other, in pieces.
///
/// One that becomes too long is replaced by an error when it is finished; nothing has to be asked
/// before.
pub struct Replies<'a> {
    arena: &'a Arena,
    /// The pieces that are done with. It is the arena's one block that grows, which it does where it is.
    pieces: Vec<&'a [u8], &'a Arena>,
    /// The piece that is being written, and its bytes so far.
    piece: &'a mut [u8],
    len: usize,
    /// Bytes of the pieces that are done with.
    done: usize,
    /// Where the answer to the present request begins: a piece, and its offset.
    begun: (usize, usize),
    /// Bytes of all answers before it.
    before: usize,
    /// Bytes that an answer may have.
    limit: usize,
    /// The answer has more, or the arena has no room for it.
    too_long: bool,
}

impl fmt::Debug for Replies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces()
            .try_for_each(|piece| writeln!(f, "\"{}\"", piece.escape_ascii()))
    }
}

impl<'a> Replies<'a> {
    /// None, each of which may have so many bytes.
    #[must_use]
    pub fn new(arena: &'a Arena, limit: usize) -> Self {
        Self {
            arena,
            pieces: Vec::new_in(arena),
            piece: &mut [],
            len: 0,
            done: 0,
            begun: (0, 0),
            before: 0,
            limit,
            too_long: false,
        }
    }

    /// Bytes that are to be sent.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.done + self.len
    }

    /// Whether there is nothing to be sent.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is to be sent, in pieces, none of which is empty.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let last = Some(&self.piece[..self.len]).filter(|last| !last.is_empty());
        self.pieces.iter().copied().chain(last)
    }

    /// `+OK`: what is short, and has no line ends.
    #[inline]
    pub fn simple(&mut self, text: &'static str) {
        self.put(b"+");
        self.put(text.as_bytes());
        self.put(b"\r\n");
    }

    /// `-ERR ...`. Line ends in it become spaces.
    #[cold]
    pub fn error(&mut self, text: fmt::Arguments<'_>) {
        self.put(b"-");
        let written = OneLine(self).write_fmt(text);
        debug_assert!(written.is_ok(), "no writer and no value says otherwise");
        self.put(b"\r\n");
    }

    /// `:1`
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// `$3\r\nabc`
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.header(b'$', bytes.len());
        self.put(bytes);
        self.put(b"\r\n");
    }

    /// A bulk string that is `text` written out; it is asked twice, the first time for the length.
    pub fn text(&mut self, text: &dyn fmt::Display) {
        let mut length = Length(0);
        let counted = write!(length, "{text}");
        self.header(b'$', length.0);
        let written = write!(Raw(self), "{text}\r\n");
        debug_assert!(counted.and(written).is_ok(), "as in `error`");
    }

    /// What is not there.
    #[inline]
    pub fn null(&mut self) {
        self.put(b"$-1\r\n");
    }

    /// An array that is not there.
    pub fn null_array(&mut self) {
        self.put(b"*-1\r\n");
    }

    /// So many answers follow, which are one.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// The answer is there. If it is too long, or found no memory, an error takes its place; `false`
    /// if not even that has room.
    #[inline]
    pub fn finish(&mut self) -> bool {
        if self.too_long || self.len() - self.before > self.limit {
            self.replace();
        }
        self.begun = (self.pieces.len(), self.len);
        self.before = self.len();
        !self.too_long
    }

    #[cold]
    fn replace(&mut self) {
        self.take_back();
        let limit = self.limit;
        self.error(format_args!(
            "ERR the answer has no room: {limit} bytes are allowed (--max-reply)"
        ));
        if self.too_long {
            self.take_back();
            self.too_long = true;
        }
    }

    /// Forgets what there is of the present answer.
    fn take_back(&mut self) {
        let (piece, offset) = self.begun;
        if let Some(&first) = self.pieces.get(piece) {
            // It goes on in other pieces; the one at hand is to be written anew, all of it.
            self.pieces[piece] = &first[..offset];
            self.pieces.truncate(piece + usize::from(offset > 0));
            (self.len, self.done) = (0, self.before);
        } else {
            self.len = offset;
        }
        self.begun = (self.pieces.len(), self.len);
        self.too_long = false;
    }

    #[inline]
    fn header(&mut self, kind: u8, value: impl itoa::Integer) {
        self.put(&[kind]);
        self.put(itoa::Buffer::new().format(value).as_bytes());
        self.put(b"\r\n");
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.piece.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.too_long |= !self.put_elsewhere(bytes),
        }
    }

    /// Goes on in another piece, unless the answer must not have so many bytes.
    #[cold]
    fn put_elsewhere(&mut self, bytes: &[u8]) -> bool {
        // An error's few bytes are always allowed.
        let allowed = self.before + self.limit.max(FIRST);
        let refused = self.too_long || self.len() + bytes.len() > allowed;
        if refused || self.pieces.try_reserve(2).is_err() {
            return false;
        }
        if bytes.len() >= LONG {
            let Ok(copy) = self.arena.try_alloc_slice_copy(bytes) else {
                return false;
            };
            self.close();
            self.done += copy.len();
            self.pieces.push(copy);
            return true;
        }
        let room = (2 * self.piece.len()).clamp(FIRST, LAST).max(bytes.len());
        let Ok(piece) = self.arena.try_alloc_slice_fill_with(room, |_| 0) else {
            return false;
        };
        self.close();
        self.piece = piece;
        self.piece[..bytes.len()].copy_from_slice(bytes);
        self.len = bytes.len();
        true
    }

    /// Ends the piece at hand; what room it has left is the next one.
    fn close(&mut self) {
        if self.len > 0 {
            let (done, rest) = take(&mut self.piece).split_at_mut(self.len);
            self.piece = rest;
            self.pieces.push(done);
            self.done += take(&mut self.len);
        }
    }
}

struct Raw<'r, 'a>(&'r mut Replies<'a>);

impl Write for Raw<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put(text.as_bytes());
        Ok(())
    }
}

struct OneLine<'r, 'a>(&'r mut Replies<'a>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(['\r', '\n']) {
            match piece.strip_suffix(['\r', '\n']) {
                Some(line) => {
                    self.0.put(line.as_bytes());
                    self.0.put(b" ");
                }
                None => self.0.put(piece.as_bytes()),
            }
        }
        Ok(())
    }
}

struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
