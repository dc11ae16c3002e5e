//! A client and a server without a socket.

use super::replies::Replies;
use super::session::{Batch, End, Session};
use super::settings::{Args, Facts};
use super::store::Store;
use clap::Parser;
use pool::Arena;

pub(super) struct Server {
    pub(super) facts: Facts,
    pub(super) store: Store,
    pub(super) session: Session,
}

impl Server {
    pub(super) fn new(args: &[&str]) -> Self {
        let args = Args::parse_from([&["resp_server"], args].concat());
        let session = Session::new(7, args.limits());
        let mut store = Store::default();
        store.set_now(1000);
        Self {
            facts: Facts::new(args),
            store,
            session,
        }
    }

    /// What is answered to `bytes`, and how far that went.
    pub(super) fn batch(&mut self, bytes: &[u8]) -> (Batch, Vec<u8>) {
        let arena = Arena::new();
        let mut replies = Replies::new(&arena, self.facts.args.max_reply as usize);
        let Self {
            facts,
            store,
            session,
        } = self;
        let batch = session.batch(bytes, &arena, &mut replies, store, facts);
        let answers: Vec<_> = replies.pieces().collect();
        assert_eq!(
            answers.iter().map(|piece| piece.len()).sum::<usize>(),
            replies.len()
        );
        (batch, answers.concat())
    }

    /// The answer to a line of words.
    #[track_caller]
    pub(super) fn says(&mut self, line: &str) -> String {
        let (batch, answer) = self.batch(format!("{line}\r\n").as_bytes());
        assert_eq!(
            (batch.used, batch.end),
            (line.len() + 2, End::Input),
            "{line}"
        );
        String::from_utf8(answer).expect("UTF-8")
    }

    #[track_caller]
    pub(super) fn check(&mut self, cases: &[(&str, &str)]) {
        for (line, expected) in cases {
            assert_eq!(self.says(line), *expected, "{line}");
        }
    }
}
