use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const SMALL: Limits = Limits {
    frame: 100,
    args: 5,
};

/// What a stream of bytes is: requests, each a list of arguments, or the line as it is; the bytes that
/// they take; and what is wrong with the rest.
#[derive(Debug, Clone, PartialEq)]
struct Parsed {
    requests: Vec<Vec<Vec<u8>>>,
    used: usize,
    error: Option<ProtocolError>,
}

/// Takes a stream that comes in pieces which end at `cuts`, and at its end.
fn parsed(limits: Limits, stream: &[u8], cuts: impl IntoIterator<Item = usize>) -> Parsed {
    let mut framer = Framer::new(limits);
    let (mut requests, mut used) = (Vec::new(), 0);
    for cut in cuts.into_iter().chain([stream.len()]) {
        loop {
            let bytes = &stream[used..cut];
            let frame = match framer.next(bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    return Parsed {
                        requests,
                        used,
                        error: Some(error),
                    };
                }
            };
            requests.push(match frame.shape {
                Shape::Array(spans) => spans.iter().map(|span| span.of(bytes).to_vec()).collect(),
                Shape::Line => vec![bytes[..frame.len].to_vec()],
            });
            assert!(frame.len > 0);
            used += frame.len;
        }
    }
    Parsed {
        requests,
        used,
        error: None,
    }
}

fn whole(stream: &[u8]) -> Parsed {
    parsed(SMALL, stream, [])
}

/// Another's hand: what a client sends.
fn encoded(request: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", request.len()).into_bytes();
    for argument in request {
        out.extend(format!("${}\r\n", argument.len()).bytes());
        out.extend(argument);
        out.extend(b"\r\n");
    }
    out
}

#[test]
fn requests_are_found() {
    type Request<'a> = &'a [&'a [u8]];
    let cases: [(&[u8], &[Request<'_>]); 9] = [
        (b"", &[]),
        (b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]),
        (b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", &[&[b"GET", b""]]),
        (b"*1\r\n$4\r\n\r\n\r\n\r\n", &[&[b"\r\n\r\n"]]),
        (b"*0\r\n*-1\r\n*-9999999999\r\n", &[&[], &[], &[]]),
        (b"*01\r\n$004\r\nPING\r\n", &[&[b"PING"]]),
        (b"PING\r\n", &[&[b"PING\r\n"]]),
        (b"\n\r\n \n", &[&[b"\n"], &[b"\r\n"], &[b" \n"]]),
        (
            b"a\n*1\r\n$1\r\n*\r\n$1\n",
            &[&[b"a\n"], &[b"*"], &[b"$1\n"]],
        ),
    ];
    for (stream, expected) in cases {
        let parsed = whole(stream);
        let stream = stream.escape_ascii();
        assert_eq!(parsed.requests, expected, "{stream}");
        assert_eq!(parsed.error, None, "{stream}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let lines = "x".repeat(100);
    let cases: [(&[u8], &str); 22] = [
        (b"*a", "invalid multibulk length: unexpected 'a'"),
        (b"*\r", "invalid multibulk length: unexpected '\\r'"),
        (b"*-\r\n", "invalid multibulk length: unexpected '\\r'"),
        (b"*1\n", "invalid multibulk length: unexpected '\\n'"),
        (b"*1\rx", "invalid multibulk length: unexpected 'x'"),
        (b"*+1", "invalid multibulk length: unexpected '+'"),
        (
            b"*12345678901",
            "invalid multibulk length: more than 10 digits",
        ),
        (
            b"*6\r\n",
            "invalid multibulk length: 6 arguments, and 5 are allowed (--max-args)",
        ),
        (
            b"*1000000000\r\n",
            "invalid multibulk length: 1000000000 arguments, and 5 are allowed (--max-args)",
        ),
        (b"*1\r\n*", "expected '$', got '*'"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n\xff", "expected '$', got '\\xff'"),
        (b"*1\r\n$\xff", "invalid bulk length: unexpected '\\xff'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length: a negative number"),
        (b"*1\r\n$1x", "invalid bulk length: unexpected 'x'"),
        (
            b"*1\r\n$99999999999",
            "invalid bulk length: more than 10 digits",
        ),
        (
            b"*1\r\n$1000000000\r\n",
            "invalid bulk length: 1000000000 bytes, and a request of 100 is allowed (--max-frame)",
        ),
        (
            b"*1\r\n$90\r\n",
            "too big request: 100 bytes are allowed (--max-frame)",
        ),
        (
            b"*1\r\n$1\r\nabc",
            "expected '\\r\\n' behind a bulk string, got 'b'",
        ),
        (
            b"*1\r\n$1\r\na\n",
            "expected '\\r\\n' behind a bulk string, got '\\n'",
        ),
        (
            b"*1\r\n$1\r\na\rb",
            "expected '\\r\\n' behind a bulk string, got 'b'",
        ),
        (
            lines.as_bytes(),
            "too big inline request: no line end in 100 bytes",
        ),
    ];
    for (stream, expected) in cases {
        let parsed = whole(stream);
        let stream = stream.escape_ascii();
        let error = parsed
            .error
            .unwrap_or_else(|| panic!("{stream} is no error"));
        assert_eq!(
            error.to_string(),
            format!("Protocol error: {expected}"),
            "{stream}"
        );
        assert_eq!(parsed.used, 0, "{stream}");
    }
    // What is right before it is there, and a request of exactly the limit is one.
    let mut stream = b"*1\r\n$89\r\n".to_vec();
    stream.extend([b'x'; 89]);
    stream.extend(b"\r\n");
    assert_eq!(stream.len(), 100);
    stream.extend(b"*?");
    let parsed = whole(&stream);
    assert_eq!((parsed.used, parsed.requests.len()), (100, 1));
    assert_eq!(parsed.error, Some(ProtocolError::Count(Wrong::Byte(b'?'))));
}

#[test]
fn what_is_claimed_is_not_reserved() {
    let limits = Limits {
        frame: Limits::MAX_FRAME,
        args: usize::MAX,
    };
    let mut framer = Framer::new(limits);
    let stream = b"*1000000000\r\n$500000000\r\nx";
    assert_eq!(framer.next(stream), Ok(None));
    assert_eq!(framer.spans.capacity(), 0);
}

#[test]
fn a_request_may_come_a_byte_at_a_time() {
    // Were it looked at from its beginning each time, this would not end.
    let count = if cfg!(miri) { 20 } else { 50_000 };
    let request = vec![vec![b'x'; 10]; count];
    for stream in [encoded(&request), [vec![b'x'; count], vec![b'\n']].concat()] {
        let limits = Limits::default();
        let parsed = parsed(limits, &stream, 0..stream.len());
        assert_eq!((parsed.used, parsed.requests.len()), (stream.len(), 1));
    }
}

fn requests() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    vec(vec(vec(any::<u8>(), 0..8), 1..=5), 0..6)
}

/// Bytes that come near to being requests.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just(b"\r\n".to_vec()),
        2 => Just(b"*".to_vec()),
        2 => Just(b"$".to_vec()),
        3 => (0_u8..8).prop_map(|digit| digit.to_string().into_bytes()),
        1 => Just(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cuts(len: usize, places: &[prop::sample::Index]) -> Vec<usize> {
    let mut cuts: Vec<_> = places.iter().map(|place| place.index(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_encoded_is_found(requests in requests(), places in vec(any::<prop::sample::Index>(), 0..9)) {
        let stream: Vec<u8> = requests.iter().flat_map(|request| encoded(request)).collect();
        let cuts = cuts(stream.len(), &places);
        let used = stream.len();
        prop_assert_eq!(parsed(SMALL, &stream, cuts), Parsed { requests, used, error: None });
    }

    #[test]
    fn cuts_do_not_matter(stream in garbage(), places in vec(any::<prop::sample::Index>(), 0..9)) {
        let cuts = cuts(stream.len(), &places);
        let whole = whole(&stream);
        prop_assert!(whole.used <= stream.len());
        prop_assert_eq!(&parsed(SMALL, &stream, cuts), &whole);
        prop_assert_eq!(&parsed(SMALL, &stream, 0..stream.len()), &whole);
    }
}
