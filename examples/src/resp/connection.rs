//! One client's socket.

use super::input::Input;
use super::replies::Replies;
use super::server::Shared;
use super::session::{ARENAS, Batch, End, Session};
use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client that is hung up on may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves a client until it goes.
///
/// # Errors
///
/// The socket's; they end the connection and nothing else.
pub async fn serve(mut stream: TcpStream, id: i64, shared: &Shared) -> io::Result<()> {
    // Answers go out as they are made: a batch at a time.
    stream.set_nodelay(true)?;
    let mut session = Session::new(id, shared.facts.args.limits());
    let mut input = Input::default();
    loop {
        let read = stream.read(input.room()).await?;
        if read == 0 {
            return Ok(());
        }
        input.filled(read);
        loop {
            let (batch, unsent) = answer(&mut session, &input, &stream, shared)?;
            input.used(batch.used);
            if let Some(unsent) = unsent {
                // Nothing more is read or answered until the client has taken this.
                stream.write_all(&unsent).await?;
            }
            match batch.end {
                End::Input => break,
                End::Output => tokio::task::consume_budget().await,
                End::Close => return close(stream).await,
            }
        }
    }
}

/// Answers what is there, in an arena; what the socket does not take at once is returned.
fn answer(
    session: &mut Session,
    input: &Input,
    stream: &TcpStream,
    shared: &Shared,
) -> io::Result<(Batch, Option<Vec<u8>>)> {
    let facts = &shared.facts;
    let arena = ARENAS.try_get().map_err(io::Error::other)?;
    let mut replies = Replies::new(&arena, facts.args.max_reply as usize);
    let batch = {
        let mut store = shared.store();
        store.set_now(facts.now());
        session.batch(input.as_slice(), &arena, &mut replies, &mut store, facts)
    };
    facts.commands.fetch_add(batch.answered, Relaxed);
    facts.note_arena(&arena);
    Ok((batch, unsent(stream, replies.pieces())?))
}

/// Pieces that are handed to the system at one go.
const PIECES: usize = 16;

/// Sends what the socket takes at once, and returns the rest, if there is one.
fn unsent<'p>(
    stream: &TcpStream,
    mut pieces: impl Iterator<Item = &'p [u8]>,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut some = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        for (slot, piece) in some.iter_mut().zip(&mut pieces) {
            *slot = IoSlice::new(piece);
            count += 1;
        }
        let mut some = &mut some[..count];
        if some.is_empty() {
            return Ok(None);
        }
        while !some.is_empty() {
            match stream.try_write_vectored(some) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => IoSlice::advance_slices(&mut some, sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut rest = Vec::new();
                    some.iter().for_each(|piece| rest.extend_from_slice(piece));
                    pieces.for_each(|piece| rest.extend_from_slice(piece));
                    return Ok(Some(rest));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Ends a connection so that the client gets what it was sent: a socket that is closed with something
/// unread in it takes back what is on its way.
async fn close(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    let drained = async {
        // Not for ever, if the client goes on and on.
        for _ in 0..1024 {
            if stream.read(&mut unread).await? == 0 {
                break;
            }
        }
        Ok(())
    };
    timeout(LAST_WORDS, drained).await.unwrap_or(Ok(()))
}

/// Tells a client that there are too many.
pub async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream
        .write_all(b"-ERR max number of clients reached\r\n")
        .await?;
    close(stream).await
}
