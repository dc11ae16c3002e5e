use super::super::session::End;
use super::super::testing::Server;
use super::*;

const NOT_A_NUMBER: &str = "-ERR value is not an integer or out of range\r\n";

#[test]
fn connections_are_answered() {
    Server::new(&[]).check(&[
        ("PING", "+PONG\r\n"),
        ("ping 'a b'", "$3\r\na b\r\n"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command\r\n"),
        ("ECHO \"\"", "$0\r\n\r\n"),
        ("ECHO", "-ERR wrong number of arguments for 'echo' command\r\n"),
        ("SELECT 0", "+OK\r\n"),
        ("SELECT 1", "-ERR DB index is out of range\r\n"),
        ("SELECT x", NOT_A_NUMBER),
        ("CLIENT ID", ":7\r\n"),
        ("CLIENT GETNAME", "$-1\r\n"),
        ("CLIENT SETNAME me", "+OK\r\n"),
        ("CLIENT GETNAME", "$2\r\nme\r\n"),
        ("CLIENT SETINFO LIB-NAME cli", "+OK\r\n"),
        (
            "CLIENT SETNAME 'a b'",
            "-ERR client names are up to 128 printable characters without spaces, and this is 'a b'\r\n",
        ),
        (
            "CLIENT KILL me",
            "-ERR unknown subcommand or wrong number of arguments for 'KILL' of 'client'\r\n",
        ),
        ("NOPE 1", "-ERR unknown command 'NOPE'\r\n"),
        ("\"a\\r\\n\"", "-ERR unknown command 'a\\r\\n'\r\n"),
        ("", ""),
    ]);
}

#[test]
fn strings_are_answered() {
    Server::new(&[]).check(&[
        ("GET a", "$-1\r\n"),
        ("SET a 1", "+OK\r\n"),
        ("get a", "$1\r\n1\r\n"),
        (
            "SET a",
            "-ERR wrong number of arguments for 'set' command\r\n",
        ),
        ("SET a '' XX", "+OK\r\n"),
        ("GET a", "$0\r\n\r\n"),
        ("SET a 2 NX", "$-1\r\n"),
        ("SET b 2 XX", "$-1\r\n"),
        ("SET b 2 nx", "+OK\r\n"),
        ("MGET a b c", "*3\r\n$0\r\n\r\n$1\r\n2\r\n$-1\r\n"),
        ("MSET a 3 b 4 a 5", "+OK\r\n"),
        ("MGET a b", "*2\r\n$1\r\n5\r\n$1\r\n4\r\n"),
        (
            "MSET a 3 b",
            "-ERR wrong number of arguments for 'mset' command\r\n",
        ),
        ("EXISTS a a b c", ":3\r\n"),
        ("DBSIZE", ":2\r\n"),
        ("DEL a a c", ":1\r\n"),
        ("DBSIZE", ":1\r\n"),
        ("FLUSHALL later", "-ERR syntax error\r\n"),
        ("FLUSHALL ASYNC", "+OK\r\n"),
        ("DBSIZE", ":0\r\n"),
    ]);
}

#[test]
fn numbers_are_counted() {
    Server::new(&[]).check(&[
        ("INCR n", ":1\r\n"),
        ("INCR n", ":2\r\n"),
        ("GET n", "$1\r\n2\r\n"),
        ("SET n -1", "+OK\r\n"),
        ("INCR n", ":0\r\n"),
        ("SET n 9223372036854775806", "+OK\r\n"),
        ("INCR n", ":9223372036854775807\r\n"),
        ("INCR n", "-ERR increment or decrement would overflow\r\n"),
        ("GET n", "$19\r\n9223372036854775807\r\n"),
        ("SET n -9223372036854775808", "+OK\r\n"),
        ("INCR n", ":-9223372036854775807\r\n"),
    ]);
    for wrong in [
        "''",
        "a",
        "1a",
        "' 1'",
        "+1",
        "-",
        "-0",
        "01",
        "9223372036854775808",
        "1.0",
    ] {
        Server::new(&[]).check(&[
            (&format!("SET n {wrong}"), "+OK\r\n"),
            ("INCR n", NOT_A_NUMBER),
        ]);
    }
}

#[test]
fn times_are_kept() {
    let mut server = Server::new(&[]);
    server.check(&[
        ("TTL a", ":-2\r\n"),
        ("EXPIRE a 1", ":0\r\n"),
        ("SET a 1", "+OK\r\n"),
        ("TTL a", ":-1\r\n"),
        ("EXPIRE a 10", ":1\r\n"),
        ("TTL a", ":10\r\n"),
        ("SET b 1 EX 20", "+OK\r\n"),
        ("SET c 1 px 1500", "+OK\r\n"),
        ("SET d 1 EX 20", "+OK\r\n"),
        ("SET e 1 EX 20", "+OK\r\n"),
        ("SET d 2", "+OK\r\n"),
        ("SET e 2 KEEPTTL", "+OK\r\n"),
        ("INCR e", ":3\r\n"),
        ("TTL d", ":-1\r\n"),
    ]);
    server.store.set_now(1000 + 1499);
    server.check(&[
        ("EXISTS a b c d e", ":5\r\n"),
        ("TTL c", ":0\r\n"),
        ("TTL b", ":19\r\n"),
    ]);
    server.store.set_now(1000 + 1500);
    server.check(&[("EXISTS a b c d e", ":4\r\n"), ("GET c", "$-1\r\n")]);
    server.store.set_now(1000 + 20_000);
    server.check(&[
        (
            "MGET a b c d e",
            "*5\r\n$-1\r\n$-1\r\n$-1\r\n$1\r\n2\r\n$-1\r\n",
        ),
        ("DBSIZE", ":1\r\n"),
        // What is over is written anew, by whatever command.
        ("SET d 3 EX 1", "+OK\r\n"),
        ("SET n 3 EX 1", "+OK\r\n"),
    ]);
    server.store.set_now(1000 + 21_000);
    server.check(&[
        ("SET d 4 XX", "$-1\r\n"),
        ("SET d 4 NX KEEPTTL", "+OK\r\n"),
        ("TTL d", ":-1\r\n"),
        ("INCR n", ":1\r\n"),
        ("TTL n", ":-1\r\n"),
        ("EXPIRE d -1", ":1\r\n"),
        ("EXISTS d", ":0\r\n"),
        ("SET d 4 EX 9223372036854775", "+OK\r\n"),
        ("TTL d", ":9223372036854775\r\n"),
    ]);
}

#[test]
fn options_are_looked_at() {
    const SYNTAX: &str = "-ERR syntax error\r\n";
    const TIME: &str = "-ERR invalid expire time in 'set' command\r\n";
    Server::new(&[]).check(&[
        ("SET a 1 EX", SYNTAX),
        ("SET a 1 ZZ", SYNTAX),
        ("SET a 1 NX XX", SYNTAX),
        ("SET a 1 EX 1 PX 1", SYNTAX),
        ("SET a 1 EX 1 KEEPTTL", SYNTAX),
        ("SET a 1 EX x", NOT_A_NUMBER),
        ("SET a 1 EX 0", TIME),
        ("SET a 1 PX -1", TIME),
        ("SET a 1 EX 9223372036854776", TIME),
        ("EXPIRE a x", NOT_A_NUMBER),
        (
            "EXPIRE a 9223372036854776",
            "-ERR invalid expire time in 'expire' command\r\n",
        ),
        (
            "EXPIRE a -9223372036854775808",
            "-ERR invalid expire time in 'expire' command\r\n",
        ),
        ("EXISTS a", ":0\r\n"),
    ]);
}

#[test]
fn settings_are_told() {
    let mut server = Server::new(&["--port", "1", "--max-clients", "12"]);
    server.check(&[
        ("CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        (
            "CONFIG GET appendonly",
            "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n",
        ),
        (
            "config get MAXC*",
            "*2\r\n$10\r\nmaxclients\r\n$2\r\n12\r\n",
        ),
        ("CONFIG GET nothing", "*0\r\n"),
        (
            "CONFIG GET p?rt por[a-t]",
            "*2\r\n$4\r\nport\r\n$1\r\n1\r\n",
        ),
        (
            "CONFIG GET",
            "-ERR unknown subcommand or wrong number of arguments for 'GET' of 'config'\r\n",
        ),
        (
            "CONFIG SET save x",
            "-ERR unknown subcommand or wrong number of arguments for 'SET' of 'config'\r\n",
        ),
    ]);
    assert!(server.says("CONFIG GET *").starts_with("*24\r\n"));
}

#[test]
fn commands_are_told() {
    let mut server = Server::new(&[]);
    let get = "*6\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n";
    server.check(&[
        ("COMMAND COUNT", ":19\r\n"),
        ("COMMAND INFO GET nope", &format!("*2\r\n{get}*-1\r\n")),
        (
            "COMMAND DOCS get nope",
            "*2\r\n$3\r\nget\r\n*4\r\n$7\r\nsummary\r\n$19\r\nThe value of a key.\r\n$5\r\ngroup\r\n$6\r\nstring\r\n",
        ),
        (
            "COMMAND GETKEYS get a",
            "-ERR unknown subcommand or wrong number of arguments for 'GETKEYS' of 'command'\r\n",
        ),
    ]);
    assert!(server.says("COMMAND").starts_with(&format!("*19\r\n{get}")));
    assert!(
        server
            .says("COMMAND DOCS")
            .starts_with("*38\r\n$3\r\nget\r\n")
    );
    assert!(server.says("COMMAND LIST").ends_with("$4\r\nquit\r\n"));
    // Each can be found, is one, and knows how many arguments it takes.
    for command in COMMANDS {
        assert!(std::ptr::eq(
            find(command.name.as_bytes()).unwrap(),
            command
        ));
        assert_eq!(command.name, command.name.to_ascii_lowercase());
        assert!(!command.takes(0));
    }
}

#[test]
fn figures_are_told() {
    let mut server = Server::new(&[]);
    server.says("SET a 1 EX 10");
    server.says("GET a");
    let all = server.says("INFO");
    let (header, text) = all.split_once("\r\n").expect("a header");
    assert_eq!(header, format!("${}", text.len() - 2));
    for line in [
        "# Server",
        "redis_mode:standalone",
        "keyspace_hits:1",
        "db0:keys=1,expires=1",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
    }
    for name in ["pool_live", "pool_capacity", "arena_high_water_bytes"] {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}:")));
        let figure: u64 = line.expect(name).parse().expect("a number");
        assert!(figure > 0 || name.starts_with("arena"), "{name}");
    }
    let some = server.says("INFO keyspace nothing");
    assert_eq!(
        some,
        "$36\r\n# Keyspace\r\ndb0:keys=1,expires=1\r\n\r\n\r\n"
    );
    assert_eq!(server.says("INFO nothing"), "$0\r\n\r\n");
    server.says("FLUSHALL");
    assert_eq!(
        server.says("INFO keyspace"),
        "$14\r\n# Keyspace\r\n\r\n\r\n"
    );
}

#[test]
fn quit_is_the_end() {
    let mut server = Server::new(&[]);
    let (batch, answer) = server.batch(b"PING\r\nQUIT\r\nPING\r\n");
    assert_eq!((batch.used, batch.end, batch.answered), (12, End::Close, 2));
    assert_eq!(answer, b"+PONG\r\n+OK\r\n");
}
