use super::super::testing::Server;
use super::*;

#[test]
fn many_requests_are_one_batch() {
    let mut server = Server::new(&[]);
    let requests = if cfg!(miri) { 50 } else { 5000 };
    let (mut input, mut expected) = (Vec::new(), Vec::new());
    for n in 0..requests {
        let key = format!("key:{n:05}");
        let line = format!("*3\r\n$3\r\nSET\r\n$9\r\n{key}\r\n$5\r\n{n:05}\r\nGET {key}\n");
        input.extend(line.bytes());
        expected.extend(format!("+OK\r\n$5\r\n{n:05}\r\n").bytes());
    }
    // A bit of the next.
    input.extend(b"*3\r\n$3\r\nSE");
    let (batch, answers) = server.batch(&input);
    assert_eq!(batch.end, if cfg!(miri) { End::Input } else { End::Output });
    let mut all = answers;
    let mut used = batch.used;
    while used < input.len() - 10 {
        assert!(all.len() >= SEND);
        let (batch, answers) = server.batch(&input[used..]);
        assert!(answers.len() < SEND + 20);
        used += batch.used;
        all.extend(answers);
    }
    assert_eq!(used, input.len() - 10);
    assert_eq!(all, expected);
}

#[test]
fn cuts_do_not_matter() {
    let input =
        b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\nPING x\r\n\r\n*0\r\n*1\r\n$4\r\nPING\r\nECHO 'a";
    let whole = Server::new(&[]).batch(input);
    assert_eq!(whole.1, b"$3\r\na\r\n\r\n$1\r\nx\r\n+PONG\r\n");
    for cut in 0..input.len() {
        let mut server = Server::new(&[]);
        let (first, mut answers) = server.batch(&input[..cut]);
        let (second, rest) = server.batch(&input[first.used..]);
        answers.extend(rest);
        assert_eq!(
            (first.used + second.used, answers),
            (whole.0.used, whole.1.clone()),
            "{cut}"
        );
    }
}

#[test]
fn a_malformed_request_is_the_last() {
    for (wrong, why) in [
        ("*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"),
        (
            "*1\r\n$1000000000\r\n",
            "invalid bulk length: 1000000000 bytes, and a request of 1048576 is allowed (--max-frame)",
        ),
        ("ECHO \"a\r\n", "unbalanced quotes in request"),
    ] {
        let mut server = Server::new(&[]);
        let (batch, answers) = server.batch(format!("PING\r\n{wrong}PING\r\n").as_bytes());
        assert_eq!((batch.end, batch.answered), (End::Close, 1));
        let answers = String::from_utf8(answers).expect("UTF-8");
        assert_eq!(answers, format!("+PONG\r\n-ERR Protocol error: {why}\r\n"));
    }
}

#[test]
fn a_browser_is_hung_up_on() {
    for line in ["POST / HTTP/1.1", "Host: localhost:6379"] {
        let (batch, answers) = Server::new(&[]).batch(format!("{line}\r\nFLUSHALL\r\n").as_bytes());
        assert_eq!((batch.end, answers), (End::Close, Vec::new()));
    }
}

#[test]
fn an_answer_that_is_too_long_is_an_error() {
    let mut server = Server::new(&["--max-reply", "65536"]);
    let value = "x".repeat(20_000);
    server.says(&format!("SET a {value}"));
    let three = format!("$20000\r\n{value}\r\n").repeat(3);
    server.check(&[
        ("MGET a a a", &format!("*3\r\n{three}")),
        (
            "MGET a a a a",
            "-ERR the answer has no room: 65536 bytes are allowed (--max-reply)\r\n",
        ),
        ("PING", "+PONG\r\n"),
    ]);
    // Behind others in a batch, too, and with others behind it.
    let (batch, answers) = server.batch(b"PING\r\nMGET a a a a\r\nPING\r\n");
    assert_eq!(batch.end, End::Input);
    assert!(answers.starts_with(b"+PONG\r\n-ERR") && answers.ends_with(b")\r\n+PONG\r\n"));
}
