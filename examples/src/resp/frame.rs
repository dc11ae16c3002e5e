//! Where a request begins and ends in what a client sent.
//!
//! A request is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) or a line of words. Bytes
//! come as the network cuts them; [`Framer`] looks at each once, in order, and says the same whatever
//! the cuts are. It keeps no bytes, only where arguments are, and nothing grows before the bytes that
//! make it grow are there: what a client merely claims costs nothing.

use std::fmt;

/// Bytes of a line of words, the end included.
pub const MAX_LINE: usize = 64 << 10;

/// Digits of a length; more than any limit has.
const MAX_DIGITS: usize = 10;

/// What a request may be at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a request, from its first to its last.
    pub frame: usize,
    /// Arguments, the command's name among them.
    pub args: usize,
}

impl Limits {
    /// The most that `frame` can be: lengths are kept in 32 bits.
    pub const MAX_FRAME: usize = 512 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 1 << 20,
            args: 1 << 16,
        }
    }
}

/// An argument's place in its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The argument, of the bytes that the framer saw.
    #[inline]
    #[must_use]
    pub fn of(self, request: &[u8]) -> &[u8] {
        &request[self.start as usize..][..self.len as usize]
    }
}

/// A whole request.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    /// Its bytes.
    pub len: usize,
    /// What they are.
    pub shape: Shape<'f>,
}

/// How a request is written.
#[derive(Debug, PartialEq, Eq)]
pub enum Shape<'f> {
    /// An array of bulk strings: where these are.
    Array(&'f [Span]),
    /// A line of words, which ends with the frame.
    Line,
}

/// What is wrong with what a client sent. The connection cannot go on: nobody knows where the next
/// request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// Something else than the number of arguments.
    Count(Wrong),
    /// Something else than an argument's length.
    Length(Wrong),
    /// More arguments than are allowed.
    Args {
        /// As the client says.
        count: u64,
        /// What is allowed.
        limit: usize,
    },
    /// An argument longer than a request may be.
    Bulk {
        /// As the client says.
        len: u64,
        /// What a request may have.
        limit: usize,
    },
    /// A request longer than is allowed.
    Frame {
        /// What a request may have.
        limit: usize,
    },
    /// Something else than a bulk string in an array.
    Element(u8),
    /// No line end behind an argument.
    BulkEnd(u8),
    /// A line that does not end.
    Line {
        /// What it may have.
        limit: usize,
    },
    /// A quote that is not closed, or something else than a space behind one that is.
    Quotes,
}

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// No digit, and not the line's end either.
    Byte(u8),
    /// More digits than any limit has.
    Digits,
    /// It is below zero.
    Negative,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Byte(byte) => write!(f, "unexpected '{}'", byte.escape_ascii()),
            Self::Digits => write!(f, "more than {MAX_DIGITS} digits"),
            Self::Negative => f.write_str("a negative number"),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match *self {
            Self::Count(wrong) => write!(f, "invalid multibulk length: {wrong}"),
            Self::Length(wrong) => write!(f, "invalid bulk length: {wrong}"),
            Self::Args { count, limit } => write!(
                f,
                "invalid multibulk length: {count} arguments, and {limit} are allowed (--max-args)"
            ),
            Self::Bulk { len, limit } => write!(
                f,
                "invalid bulk length: {len} bytes, and a request of {limit} is allowed (--max-frame)"
            ),
            Self::Frame { limit } => write!(
                f,
                "too big request: {limit} bytes are allowed (--max-frame)"
            ),
            Self::Element(got) => write!(f, "expected '$', got '{}'", got.escape_ascii()),
            Self::BulkEnd(got) => write!(
                f,
                "expected '\\r\\n' behind a bulk string, got '{}'",
                got.escape_ascii()
            ),
            Self::Line { limit } => {
                write!(f, "too big inline request: no line end in {limit} bytes")
            }
            Self::Quotes => f.write_str("unbalanced quotes in request"),
        }
    }
}

impl std::error::Error for ProtocolError {}

/// Finds the requests in a stream of bytes.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    state: State,
    /// Bytes of the request that are behind us.
    at: usize,
    spans: Vec<Span>,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum State {
    Start,
    Line,
    Count,
    /// `$` and a length; so many arguments are to come.
    Length(usize),
    /// So many bytes and a line end; so many arguments are to come, this one included.
    Body(usize, usize),
}

/// Spans that are kept from request to request.
const KEPT_SPANS: usize = 1024;

impl Framer {
    /// Nothing was seen yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Start,
            at: 0,
            spans: Vec::new(),
        }
    }

    /// The request that `bytes` begin with, or `None` if its end is not there yet: then ask again with
    /// the same bytes and more. After a request, go on with what is behind it.
    ///
    /// Takes time in proportion to the bytes that were not there the last time.
    ///
    /// # Errors
    ///
    /// The bytes are no request, or one that is not allowed. Which error it is does not depend on what
    /// comes after the byte that is to blame.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<Frame<'_>>, ProtocolError> {
        loop {
            match self.state {
                State::Start => {
                    self.at = 0;
                    self.spans.clear();
                    if self.spans.capacity() > KEPT_SPANS {
                        self.spans.shrink_to(KEPT_SPANS);
                    }
                    self.state = match bytes.first() {
                        None => return Ok(None),
                        Some(b'*') => {
                            self.at = 1;
                            State::Count
                        }
                        Some(_) => State::Line,
                    };
                }
                State::Line => return self.line(bytes),
                State::Count => {
                    let Some((count, len)) =
                        number(&bytes[self.at..]).map_err(ProtocolError::Count)?
                    else {
                        return Ok(None);
                    };
                    self.at += len;
                    // Less than none is none, as redis has it.
                    let count = u64::try_from(count).unwrap_or(0);
                    let limit = self.limits.args;
                    self.state = match usize::try_from(count) {
                        Ok(count) if count <= limit => State::Length(count),
                        _ => return Err(ProtocolError::Args { count, limit }),
                    };
                }
                State::Length(0) => {
                    self.state = State::Start;
                    return Ok(Some(Frame {
                        len: self.at,
                        shape: Shape::Array(&self.spans),
                    }));
                }
                State::Length(left) => match self.length(bytes)? {
                    Some(len) => self.state = State::Body(len, left),
                    None => return Ok(None),
                },
                State::Body(len, left) => {
                    let end = self.at + len;
                    match bytes.get(end..) {
                        Some([b'\r', b'\n', ..]) => {}
                        None | Some([] | [b'\r']) => return Ok(None),
                        Some(&[b'\r', got, ..] | &[got, ..]) => {
                            return Err(ProtocolError::BulkEnd(got));
                        }
                    }
                    // `length` has held both against a limit of 32 bits.
                    self.spans.push(Span {
                        start: self.at as u32,
                        len: len as u32,
                    });
                    self.at = end + 2;
                    self.state = State::Length(left - 1);
                }
            }
        }
    }

    /// The length of the next bulk string.
    #[inline]
    fn length(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        match bytes.get(self.at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&got) => return Err(ProtocolError::Element(got)),
        }
        let Some((len, header)) = number(&bytes[self.at + 1..]).map_err(ProtocolError::Length)?
        else {
            return Ok(None);
        };
        let limit = self.limits.frame.min(Limits::MAX_FRAME);
        let len = u64::try_from(len).map_err(|_| ProtocolError::Length(Wrong::Negative))?;
        let bulk = usize::try_from(len).ok().filter(|&len| len <= limit);
        let bulk = bulk.ok_or(ProtocolError::Bulk { len, limit })?;
        self.at += 1 + header;
        if self.at + bulk + 2 > limit {
            return Err(ProtocolError::Frame { limit });
        }
        Ok(Some(bulk))
    }

    fn line(&mut self, bytes: &[u8]) -> Result<Option<Frame<'_>>, ProtocolError> {
        let limit = self.limits.frame.min(MAX_LINE);
        let seen = bytes.len().min(limit);
        match memchr::memchr(b'\n', &bytes[self.at..seen]) {
            Some(at) => {
                self.state = State::Start;
                let (len, shape) = (self.at + at + 1, Shape::Line);
                Ok(Some(Frame { len, shape }))
            }
            None if seen == limit => Err(ProtocolError::Line { limit }),
            None => {
                self.at = seen;
                Ok(None)
            }
        }
    }
}

/// A number and its line end: what it is, and its bytes. Of these there are few, so that looking at
/// them again when more are there costs little.
#[inline]
fn number(bytes: &[u8]) -> Result<Option<(i64, usize)>, Wrong> {
    let negative = bytes.first() == Some(&b'-');
    let first = usize::from(negative);
    let mut value = 0_i64;
    let mut at = first;
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(digit @ b'0'..=b'9') => {
                if at - first == MAX_DIGITS {
                    return Err(Wrong::Digits);
                }
                value = value * 10 + i64::from(digit - b'0');
                at += 1;
            }
            Some(b'\r') if at > first => break,
            Some(&byte) => return Err(Wrong::Byte(byte)),
        }
    }
    match bytes.get(at + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((if negative { -value } else { value }, at + 2))),
        Some(&byte) => Err(Wrong::Byte(byte)),
    }
}

#[cfg(test)]
mod tests;
