//! Any bytes, cut at any places, as what a client of `resp_server` sends: the cuts make no difference,
//! what is done with adds up, and an array that is found is one that encodes to those bytes.

#![no_main]

use examples::resp::frame::{Framer, Limits, ProtocolError, Shape, Span};
use examples::resp::line;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    frame: 200,
    args: 9,
};

/// Requests, each with whether it is an array; the bytes that they take; what is wrong with the rest.
#[derive(Debug, PartialEq)]
struct Parsed {
    requests: Vec<(bool, Vec<Vec<u8>>)>,
    used: usize,
    error: Option<ProtocolError>,
}

fn parsed(stream: &[u8], cuts: impl Iterator<Item = usize>) -> Parsed {
    let mut framer = Framer::new(LIMITS);
    let (mut requests, mut used) = (Vec::new(), 0);
    for cut in cuts.chain([stream.len()]) {
        loop {
            let bytes = &stream[used..cut];
            let (len, request) = match framer.next(bytes) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    assert!((1..=LIMITS.frame).contains(&frame.len) && frame.len <= bytes.len());
                    (frame.len, request(&bytes[..frame.len], frame.shape))
                }
                Err(error) => {
                    assert!(error.to_string().starts_with("Protocol error: "));
                    return Parsed {
                        requests,
                        used,
                        error: Some(error),
                    };
                }
            };
            used += len;
            requests.push(request);
        }
    }
    // What is left is the beginning of one request, and so within its limit.
    assert!(stream.len() - used < LIMITS.frame);
    Parsed {
        requests,
        used,
        error: None,
    }
}

fn request(bytes: &[u8], shape: Shape<'_>) -> (bool, Vec<Vec<u8>>) {
    match shape {
        Shape::Array(spans) => {
            assert!(spans.len() <= LIMITS.args);
            let args: Vec<_> = spans
                .iter()
                .map(|span| Span::of(*span, bytes).to_vec())
                .collect();
            check_encoding(bytes, &args);
            (true, args)
        }
        Shape::Line => {
            let mut out = vec![0; bytes.len()];
            let mut ranges = Vec::new();
            let words = line::split(bytes, &mut out, |range| ranges.push(range));
            let words = words.map(|()| {
                ranges
                    .into_iter()
                    .map(|range| out[range].to_vec())
                    .collect()
            });
            (false, words.unwrap_or_default())
        }
    }
}

/// The bytes are the arguments with their headers, but for zeros before a length, and a number below
/// zero where there are none.
fn check_encoding(bytes: &[u8], args: &[Vec<u8>]) {
    let mut rest = bytes;
    let mut header = |kind: u8, len: usize, body: &[u8]| {
        let end = rest
            .windows(2)
            .position(|end| end == b"\r\n")
            .expect("a line end");
        assert_eq!(rest[0], kind);
        let said: i64 = std::str::from_utf8(&rest[1..end]).unwrap().parse().unwrap();
        assert!(said == len as i64 || said < 0 && len == 0 && kind == b'*');
        rest = rest[end + 2..].strip_prefix(body).expect("the argument");
    };
    header(b'*', args.len(), b"");
    for arg in args {
        header(b'$', arg.len(), &[arg, &b"\r\n"[..]].concat());
    }
    assert!(rest.is_empty());
}

// The first byte says how many of the next ones are lengths of pieces.
fuzz_target!(|input: &[u8]| {
    let Some((&count, input)) = input.split_first() else {
        return;
    };
    let (pieces, stream) = input.split_at(input.len().min(usize::from(count) % 32));
    let whole = parsed(stream, std::iter::empty());
    let mut end = 0;
    let cuts = pieces.iter().map(|&piece| {
        end = stream.len().min(end + usize::from(piece));
        end
    });
    assert_eq!(parsed(stream, cuts), whole);
    assert_eq!(parsed(stream, 0..stream.len()), whole);
});
