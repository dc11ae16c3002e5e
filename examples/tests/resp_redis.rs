//! The server, and Redis's own clients.

#![cfg(not(miri))] // it runs the binary

mod resp_client;

use resp_client::Server;
use std::io::Write;
use std::process::{Command, Stdio};

/// A program of Redis's on the server's port, if it is installed.
fn program(name: &str, server: &Server) -> Option<Command> {
    let there = Command::new(name).arg("--version").output().is_ok();
    if !there {
        // Past the harness, which keeps what a passing test prints.
        let said = writeln!(std::io::stderr(), "skipped: {name} is not installed");
        said.expect("standard error is there");
        return None;
    }
    let mut command = Command::new(name);
    command.args(["-p", &server.address.port().to_string()]);
    Some(command)
}

#[test]
fn redis_cli_is_served() {
    let server = Server::start(&[]);
    let Some(mut cli) = program("redis-cli", &server) else {
        return;
    };
    let mut child = cli
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let script = "PING\nSET key \"a value\" EX 100\nGET key\nTTL key\nMSET a 1 b 2\nMGET a b c\n\
                  INCR a\nDEL a b c\nEXISTS key\nDBSIZE\nGET\nCONFIG GET save\nSELECT 0\nFLUSHALL\nDBSIZE\n";
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(script.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let expected = "PONG\nOK\na value\n100\nOK\n1\n2\n\n2\n2\n1\n1\n\
                    ERR wrong number of arguments for 'get' command\n\nsave\n\nOK\nOK\n0\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    let said = server.stop();
    assert!(said.contains("of 1 clients"), "{said}");
}

#[test]
fn redis_benchmark_is_served() {
    let server = Server::start(&[]);
    let Some(mut benchmark) = program("redis-benchmark", &server) else {
        return;
    };
    let output = benchmark
        .args(["-n", "2000", "-P", "16", "-r", "500", "-q", "-t"])
        .arg("ping_inline,ping_mbulk,set,get,incr,mset")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert_eq!(
        said.matches("requests per second").count(),
        6,
        "{said}{errors}"
    );
    assert!(
        !said.contains("rror") && !errors.contains("rror"),
        "{said}{errors}"
    );
    let mut client = server.client();
    // It has counted to 2000, one key more or less.
    let counted = client.line("DBSIZE\r\n");
    let keys: usize = counted[1..].trim_end().parse().expect("a number");
    assert!((500..=1500).contains(&keys), "{keys}");
    server.stop();
}
