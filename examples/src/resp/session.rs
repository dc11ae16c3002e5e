//! One client's requests: bytes in, answers out, with no socket in it.

use super::commands::{self, Call};
use super::frame::{Frame, Framer, Limits, ProtocolError, Shape, Span};
use super::line;
use super::replies::Replies;
use super::settings::Facts;
use super::store::Store;
use pool::{Arena, ArenaConfig, ArenaPool};

/// Arenas of batches. What a batch takes beyond this, for an answer that is very long, is given back when
/// it is sent.
pub static ARENAS: ArenaPool = ArenaPool::with_config(ArenaConfig::new().keep(4 << 20));

/// Bytes of answers after which they are sent, before more requests are looked at. So a client that
/// does not read is not served, and what is kept for it is this and one answer.
pub const SEND: usize = 64 << 10;

/// What the server knows of a client.
#[derive(Debug)]
pub struct Session {
    framer: Framer,
    /// The connection's number, the first being 1.
    pub id: i64,
    /// What the client calls itself.
    pub name: Vec<u8>,
    /// It has said good-bye.
    pub quits: bool,
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Bytes that are done with.
    pub used: usize,
    /// Requests that were answered.
    pub answered: u64,
    /// Why it ended.
    pub end: End,
}

/// Why a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The rest is no whole request.
    Input,
    /// There is enough to send; there may be more requests.
    Output,
    /// The connection is to be closed when all is sent.
    Close,
}

impl Session {
    /// A new client.
    #[must_use]
    pub fn new(id: i64, limits: Limits) -> Self {
        Self {
            framer: Framer::new(limits),
            id,
            name: Vec::new(),
            quits: false,
        }
    }

    /// Answers the requests in `input`, which begins with what the last batch left over.
    pub fn batch<'a>(
        &mut self,
        input: &'a [u8],
        arena: &'a Arena,
        replies: &mut Replies<'a>,
        store: &mut Store,
        facts: &Facts,
    ) -> Batch {
        let (mut used, mut answered) = (0, 0);
        let end = loop {
            let rest = &input[used..];
            let args = match self.framer.next(rest) {
                Ok(None) => break End::Input,
                Ok(Some(frame)) => {
                    used += frame.len;
                    args(&frame, rest, arena)
                }
                Err(error) => Err(error.into()),
            };
            let open = match args {
                Ok([]) => continue,
                Ok(args) if is_http(args) => false,
                Ok(args) => {
                    answered += 1;
                    let mut call = Call {
                        args,
                        store,
                        replies,
                        facts,
                        session: self,
                    };
                    commands::answer(&mut call);
                    replies.finish() && !self.quits
                }
                Err(refusal) => {
                    match refusal {
                        Refusal::Protocol(error) => replies.error(format_args!("ERR {error}")),
                        Refusal::NoMemory => {
                            replies.error(format_args!("OOM no memory for a request"))
                        }
                    }
                    replies.finish();
                    false
                }
            };
            if !open {
                break End::Close;
            }
            if replies.len() >= SEND {
                break End::Output;
            }
        };
        Batch {
            used,
            answered,
            end,
        }
    }
}

/// A browser that was made to talk to this port: what would follow its headers are commands that its
/// user never gave.
fn is_http(args: &[&[u8]]) -> bool {
    args[0].eq_ignore_ascii_case(b"post") || args[0].eq_ignore_ascii_case(b"host:")
}

enum Refusal {
    Protocol(ProtocolError),
    NoMemory,
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// The arguments of a request: of an array where the client's bytes are, of a line in the arena.
#[inline]
fn args<'a>(
    frame: &Frame<'_>,
    bytes: &'a [u8],
    arena: &'a Arena,
) -> Result<&'a [&'a [u8]], Refusal> {
    // What borrows from the client's bytes cannot be dropped with the arena, and need not be.
    let here = arena.no_drop();
    match frame.shape {
        Shape::Array(spans) => {
            let args = here.try_alloc_slice_fill_with(spans.len(), |n| Span::of(spans[n], bytes));
            Ok(args.map_err(|_| Refusal::NoMemory)?)
        }
        Shape::Line => {
            let line = &bytes[..frame.len];
            let words = arena
                .try_alloc_slice_copy(line)
                .map_err(|_| Refusal::NoMemory)?;
            let mut ranges = Vec::new();
            line::split(line, words, |range| ranges.push(range))?;
            let words: &'a [u8] = words;
            let args = ranges.into_iter().map(|range| &words[range]);
            Ok(here.try_alloc_iter(args).map_err(|_| Refusal::NoMemory)?)
        }
    }
}

#[cfg(test)]
mod tests;
