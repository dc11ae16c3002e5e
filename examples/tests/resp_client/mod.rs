//! A server of one's own, and clients of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// After so long a test has failed.
pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// The binary, on a port that is free; killed when the test ends, if it is not stopped before.
pub(crate) struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_resp_server"))
            .args(["--port", "0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("it says {line:?}"));
        Self {
            child,
            out,
            address,
        }
    }

    #[allow(dead_code, reason = "not by each of the tests that use this")]
    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(WAIT)).expect("a socket");
        stream.set_write_timeout(Some(WAIT)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Client(stream)
    }

    /// Bytes that are resident, if the system says it.
    #[allow(dead_code, reason = "as above")]
    pub(crate) fn resident(&self) -> Option<usize> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).ok()?;
        let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
        Some(pages * 4096)
    }

    /// Ends it as Ctrl-C does, and returns what it said last.
    pub(crate) fn stop(mut self) -> String {
        let killed = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .expect("there is a `kill`");
        assert!(killed.success());
        let mut said = String::new();
        self.out.read_to_string(&mut said).expect("UTF-8");
        let status = self.child.wait().expect("it is ours");
        assert!(status.success(), "{status}: {said}");
        assert!(said.starts_with("stopped after "), "{said}");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(dead_code, reason = "as above")]
pub(crate) struct Client(pub(crate) TcpStream);

#[allow(dead_code, reason = "as above")]
impl Client {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server takes it");
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, answer: &str) {
        let mut bytes = vec![0; answer.len()];
        let mut read = 0;
        // What is wrong is told as soon as it is there.
        while read < bytes.len() && bytes[..read] == answer.as_bytes()[..read] {
            match self.0.read(&mut bytes[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) => panic!("{error}, {read} of {} bytes were read", answer.len()),
            }
        }
        if bytes != answer.as_bytes() {
            let came = bytes[..read.min(2000)].escape_ascii();
            let short = answer.as_bytes()[..answer.len().min(2000)].escape_ascii();
            panic!("{short} was expected, and {came} came");
        }
    }

    #[track_caller]
    pub(crate) fn check(&mut self, request: &str, answer: &str) {
        self.write(request.as_bytes());
        self.expect(answer);
    }

    /// The connection has ended, and nothing came before.
    #[track_caller]
    pub(crate) fn check_end(&mut self) {
        let mut rest = Vec::new();
        self.0
            .read_to_end(&mut rest)
            .expect("an end without an error");
        assert_eq!(rest.escape_ascii().to_string(), "");
    }

    pub(crate) fn line(&mut self, request: &str) -> String {
        self.write(request.as_bytes());
        self.read_line()
    }

    pub(crate) fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("a line");
            line.extend(byte);
        }
        String::from_utf8(line).expect("UTF-8")
    }
}

/// A request as programs send it.
#[allow(dead_code, reason = "as above")]
pub(crate) fn request(words: &[&str]) -> String {
    let bulk = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    let bulks: String = words.iter().map(bulk).collect();
    format!("*{}\r\n{bulks}", words.len())
}
