//! The server itself, by its sockets and its signals.

#![cfg(not(miri))] // it runs the binary

mod resp_client;

use resp_client::{Server, WAIT, request};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn clients_are_served() {
    for threads in ["1", "3"] {
        let server = Server::start(&["--threads", threads]);
        let mut one = server.client();
        let mut two = server.client();
        one.check("SET key value\r\n", "+OK\r\n");
        two.check("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", "$5\r\nvalue\r\n");
        two.check("QUIT\r\n", "+OK\r\n");
        two.check_end();
        // Who goes in the middle of a request is no trouble.
        one.write(b"*2\r\n$3\r\nGET\r\n$3\r\nk");
        one.0.shutdown(Shutdown::Both).expect("it is open");
        server.client().check("PING\r\n", "+PONG\r\n");
        let said = server.stop();
        for line in [
            "requests     4 of 3 clients; 0 clients turned away",
            "1 of 1048576 entries",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}

#[test]
fn requests_come_in_pieces() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let long = "x".repeat(300_000);
    let stream = [
        request(&["SET", "long", &long]),
        request(&["ECHO", "\r\n*1\r\n"]),
        request(&["GET", "long"]),
        "PING 'in line'\r\n".to_owned(),
    ]
    .concat();
    for piece in [1, 7, 4096, 100_001, stream.len()] {
        // Of the long one only its ends a byte at a time.
        let bytes = stream.as_bytes();
        let (head, rest) = bytes.split_at(if piece == 1 { 100 } else { 0 });
        let (body, tail) = rest.split_at(if piece == 1 { rest.len() - 60 } else { 0 });
        head.chunks(1).for_each(|piece| client.write(piece));
        body.chunks(100_000).for_each(|piece| client.write(piece));
        tail.chunks(piece).for_each(|piece| client.write(piece));
        let expected = format!("+OK\r\n$6\r\n\r\n*1\r\n\r\n$300000\r\n{long}\r\n$7\r\nin line\r\n");
        client.expect(&expected);
    }
}

#[test]
fn many_requests_go_out_before_an_answer_is_read() {
    let server = Server::start(&["--threads", "2"]);
    let count = 20_000;
    let clients: Vec<_> = (0..4)
        .map(|number| {
            let mut client = server.client();
            thread::spawn(move || {
                let (mut requests, mut answers) = (String::new(), String::new());
                for n in 0..count {
                    let key = format!("key:{number}:{n}");
                    let value = n.to_string();
                    requests += &request(&["SET", &key, &value]);
                    requests += &request(&["GET", &key]);
                    answers += &format!("+OK\r\n${}\r\n{value}\r\n", value.len());
                }
                // From another thread: the server does not read on while its answers are not read.
                let mut writer = client.0.try_clone().expect("a second handle");
                let written = thread::spawn(move || writer.write_all(requests.as_bytes()));
                client.expect(&answers);
                written.join().expect("no panic").expect("all is taken");
            })
        })
        .collect();
    clients
        .into_iter()
        .for_each(|client| client.join().expect("it is served"));
    server
        .client()
        .check("DBSIZE\r\n", &format!(":{}\r\n", 4 * count));
    // Of all the arenas one is in use, that of the question, as soon as the others' batches are over:
    // their answers are here before.
    let mut client = server.client();
    let deadline = Instant::now() + WAIT;
    loop {
        client.write(b"INFO arenas\r\n");
        let lines: [_; 8] = std::array::from_fn(|_| client.read_line());
        let figure = |name: &str| {
            let line = lines.iter().find_map(|line| line.strip_prefix(name));
            let line = line.unwrap_or_else(|| panic!("no {name} in {lines:?}"));
            line.trim_end().parse::<usize>().expect("a number")
        };
        assert!(figure("arena_batches:") > 4);
        assert!((1..4 << 20).contains(&figure("arena_high_water_bytes:")));
        if figure("arenas_in_use:") == 1 {
            break;
        }
        assert!(Instant::now() < deadline, "{lines:?}");
    }
}

#[test]
fn a_client_that_does_not_read_is_not_served() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let value = "x".repeat(500_000);
    client.check(&request(&["SET", "long", &value]), "+OK\r\n");
    let before = server.resident();
    // Half a gigabyte of answers is asked for, and none is read.
    let asked = 1000;
    client.write("GET long\r\n".repeat(asked).as_bytes());
    // The server sees to others meanwhile.
    let mut other = server.client();
    for n in 1..=1000 {
        other.check("INCR n\r\n", &format!(":{n}\r\n"));
    }
    if let (Some(before), Some(after)) = (before, server.resident()) {
        assert!(
            after < before + (32 << 20),
            "{before} bytes were resident, and now {after}"
        );
    }
    // Then it reads all of it.
    for _ in 0..asked {
        client.expect(&format!("$500000\r\n{value}\r\n"));
    }
    client.check("PING\r\n", "+PONG\r\n");
}

#[test]
fn what_is_no_request_is_told_so_and_hung_up_on() {
    let server = Server::start(&["--max-frame", "1000", "--max-args", "10"]);
    for (wrong, why) in [
        (
            "*1000000000\r\n",
            "invalid multibulk length: 1000000000 arguments, and 10 are allowed (--max-args)",
        ),
        (
            "*1\r\n$1000000000\r\n",
            "invalid bulk length: 1000000000 bytes, and a request of 1000 is allowed (--max-frame)",
        ),
        (
            "*2\r\n$3\r\nGET\r\n*1\r\n$1\r\nk\r\n",
            "expected '$', got '*'",
        ),
        ("*1\r\n:1\r\n", "expected '$', got ':'"),
        ("*x\r\n", "invalid multibulk length: unexpected 'x'"),
        ("GET 'k\r\n", "unbalanced quotes in request"),
    ] {
        let mut client = server.client();
        client.write(b"PING\r\n");
        client.write(wrong.as_bytes());
        // It goes on and on, and gets to know all the same.
        client.write(&[b'x'; 10_000]);
        client.expect(&format!("+PONG\r\n-ERR Protocol error: {why}\r\n"));
        client.check_end();
    }
    let mut client = server.client();
    client.write(&[b'x'; 1000]);
    client.expect("-ERR Protocol error: too big inline request: no line end in 1000 bytes\r\n");
    client.check_end();
    server.client().check("PING\r\n", "+PONG\r\n");
}

#[test]
fn a_full_pool_says_so() {
    let server = Server::start(&["--entries", "3"]);
    let mut client = server.client();
    client.check("MSET a 1 b 2\r\n", "+OK\r\n");
    client.check("SET c 3 PX 1\r\n", "+OK\r\n");
    // What has expired makes room at once.
    thread::sleep(Duration::from_millis(2));
    client.check("SET d 4\r\n", "+OK\r\n");
    for wanting in ["SET e 5", "MSET e 5 f 6", "INCR e"] {
        let answer = client.line(&format!("{wanting}\r\n"));
        assert!(
            answer.starts_with("-OOM command not allowed: the pool of `"),
            "{answer}"
        );
        assert!(
            answer.contains("its capacity of 3 objects is in use"),
            "{answer}"
        );
    }
    client.check("SET a 7\r\n", "+OK\r\n");
    client.check(
        "MGET a b c d e\r\n",
        "*5\r\n$1\r\n7\r\n$1\r\n2\r\n$-1\r\n$1\r\n4\r\n$-1\r\n",
    );
    client.check("DEL b\r\n", ":1\r\n");
    client.check("SET e 5\r\n", "+OK\r\n");
    client.check("FLUSHALL\r\n", "+OK\r\n");
    client.check("DBSIZE\r\n", ":0\r\n");
    let said = server.stop();
    assert!(
        said.contains("1 expired, 3 refused") && said.contains("0 of 3 entries"),
        "{said}"
    );
}

#[test]
fn entries_are_swept_while_nobody_looks() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let keys = 3000;
    let sets: String = (0..keys).map(|n| format!("SET {n} v PX 1\r\n")).collect();
    client.write(sets.as_bytes());
    client.expect(&"+OK\r\n".repeat(keys));
    let deadline = Instant::now() + WAIT;
    while client.line("DBSIZE\r\n") != ":0\r\n" {
        assert!(Instant::now() < deadline, "nobody sweeps");
        thread::sleep(Duration::from_millis(20));
    }
    let said = server.stop();
    assert!(
        said.contains("3000 expired") && said.contains("3000 made, 3000 dropped"),
        "{said}"
    );
}

#[test]
fn there_are_no_more_clients_than_allowed() {
    let server = Server::start(&["--max-clients", "2"]);
    let mut one = server.client();
    let mut two = server.client();
    one.check("PING\r\n", "+PONG\r\n");
    two.check("PING\r\n", "+PONG\r\n");
    let mut three = server.client();
    three.expect("-ERR max number of clients reached\r\n");
    three.check_end();
    drop(one);
    // Once the server has seen that it is gone.
    let deadline = Instant::now() + WAIT;
    loop {
        let mut four = server.client();
        // If it is hung up on, its socket may be gone before it writes.
        let _ = four.0.write_all(b"PING\r\n");
        let mut first = [0; 1];
        if matches!(four.0.read(&mut first), Ok(1)) && first == *b"+" {
            break;
        }
        assert!(Instant::now() < deadline, "its place stays taken");
    }
    two.check("PING\r\n", "+PONG\r\n");
}

#[test]
fn what_a_server_cannot_be_is_refused() {
    let server = Server::start(&[]);
    let port = server.address.port().to_string();
    for (args, code, says) in [
        (
            vec!["--port", &*port],
            1,
            format!("resp_server: 127.0.0.1:{port}: "),
        ),
        (
            vec!["--entries", "0"],
            2,
            "'0' for '--entries <N>'".to_owned(),
        ),
        (
            vec!["--entries", "18446744073709551615"],
            1,
            "--entries: ".to_owned(),
        ),
        (
            vec!["--threads", "0"],
            2,
            "'0' for '--threads <N>'".to_owned(),
        ),
        (
            vec!["--max-frame", "1"],
            2,
            "'1' for '--max-frame <BYTES>'".to_owned(),
        ),
        (
            vec!["--bind", "nowhere"],
            2,
            "'nowhere' for '--bind <ADDRESS>'".to_owned(),
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_resp_server"))
            .args(&args)
            .output()
            .expect("the binary runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(error.contains(&says), "{args:?}: {error}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_resp_server"))
        .arg("--help")
        .output()
        .expect("the binary runs");
    let help = String::from_utf8_lossy(&help.stdout);
    for word in [
        "--max-frame",
        "CONFIG GET",
        "Ctrl-C",
        "[default: 6379]",
        "-OOM",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[test]
fn requests_are_whole_to_others() {
    let server = Server::start(&["--threads", "4"]);
    let (done, is_done) = mpsc::channel::<()>();
    let mut writer = server.client();
    let writing = thread::spawn(move || {
        let mut n = 0;
        while let Err(mpsc::TryRecvError::Empty) = is_done.try_recv() {
            n += 1;
            writer.check(&format!("MSET a {n} b {n} c {n}\r\n"), "+OK\r\n");
        }
    });
    let mut reader = server.client();
    for _ in 0..500 {
        reader.write(b"MGET a b c\r\n");
        let mut values = [const { String::new() }; 3];
        assert_eq!(reader.read_line(), "*3\r\n");
        for value in &mut values {
            if reader.read_line() != "$-1\r\n" {
                *value = reader.read_line();
            }
        }
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    }
    drop(done);
    writing.join().expect("it was served");
}

#[test]
fn a_connection_that_is_reset_is_no_trouble() {
    let server = Server::start(&[]);
    for _ in 0..20 {
        let mut client = server.client();
        client.write("SET a 1\r\n".repeat(100).as_bytes());
        // With answers unread, its end is a reset.
        drop(client);
    }
    let mut client = server.client();
    client.check("PING\r\n", "+PONG\r\n");
    client.0.set_nonblocking(true).expect("a socket");
    let nothing = client.0.read(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}
