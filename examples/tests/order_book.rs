//! The binary: its JSON, its exit status and what it says.

#![cfg(not(miri))] // it runs the binary

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GOOD: &str = "34200.004241176,1,16113575,18,5853300,1";

fn order_book(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_order_book"));
    command.args(args).output().expect("the binary runs")
}

/// A file that goes when the test ends.
struct Messages(PathBuf);

impl Messages {
    fn new(name: &str, content: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.csv"));
        fs::write(&path, content).expect("the file is written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the path is UTF-8")
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn json(args: &[&str]) -> Value {
    let output = order_book(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "", "no progress bar without a terminal");
    serde_json::from_slice(&output.stdout).expect("one JSON object and nothing else")
}

/// What stderr says; the exit status is 1 and stdout is empty.
fn refused(args: &[&str]) -> String {
    let output = order_book(args);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).expect("the error is UTF-8")
}

/// What both ways to own orders must agree on.
fn book(report: &Value) -> Vec<&Value> {
    ["messages", "resting", "peak", "unknown"]
        .into_iter()
        .chain(["best_bid", "best_bid_size", "best_ask", "best_ask_size"])
        .map(|key| report.get(key).unwrap_or_else(|| panic!("no `{key}`")))
        .collect()
}

#[test]
fn a_generated_stream_is_reported() {
    let pooled = json(&["--messages", "20000", "--json"]);
    let boxed = json(&["--messages", "20000", "--json", "--alloc", "box"]);
    assert_eq!(book(&pooled), book(&boxed));
    assert_eq!(pooled["messages"], 20_000);
    assert!(pooled["best_bid"].as_i64() < pooled["best_ask"].as_i64());
    assert_eq!(
        (&pooled["alloc"], &boxed["alloc"]),
        (&"pool".into(), &"box".into())
    );
    assert!(boxed["pool"].is_null());

    let pool = &pooled["pool"];
    assert_eq!(pool["live"], pooled["resting"]);
    assert_eq!(pool["capacity"], 1 << 20);
    let count = |key: &str| pool[key].as_u64().expect("a number");
    assert_eq!(count("allocations") - count("frees"), count("live"));

    assert!(pooled["messages_per_second"].as_u64() > Some(0));
    let latency = ["p50", "p99", "p99.9", "p99.99", "max"];
    let latency = latency.map(|key| pooled["latency_ns"][key].as_u64().expect("a number"));
    assert!(latency.is_sorted() && latency[0] > 0);
}

#[test]
fn the_text_has_what_the_json_has() {
    let output = order_book(&["--messages", "20000"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("the report is UTF-8");
    for words in [
        "20,000 of",
        "resting",
        "bid 5",
        "messages/s",
        "p99.99",
        "clock",
        "pool: 56",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    let output = order_book(&["--messages", "20000", "--alloc", "box"]);
    let text = String::from_utf8(output.stdout).expect("the report is UTF-8");
    assert!(text.contains("alloc     box: 56 bytes an order, by the global allocator"));
}

#[test]
fn an_empty_file_is_an_empty_book() {
    let file = Messages::new("empty", "");
    for args in [
        [file.path(), "--json"].as_slice(),
        &["--messages", "0", "--json"],
    ] {
        let report = json(args);
        for key in ["messages", "resting", "peak", "unknown"] {
            assert_eq!(report[key], 0);
        }
        for key in ["best_bid", "best_ask", "messages_per_second", "latency_ns"] {
            assert_eq!(report.get(key), Some(&Value::Null), "{key}");
        }
    }
    assert!(order_book(&[file.path()]).status.success());
}

#[test]
fn line_ends_do_not_matter() {
    let lines = format!("{GOOD}\n34201,1,2,18446744073709551615,5853300,1\n34202,4,9,1,1,-1");
    let report = |name: &str, content: &str| {
        let file = Messages::new(name, content);
        json(&[file.path(), "--json"])
    };
    let bare = report("bare", &lines);
    let ended = report("ended", &format!("{lines}\n"));
    let crlf = report("crlf", &format!("{lines}\n").replace('\n', "\r\n"));
    assert_eq!(book(&bare), book(&ended));
    assert_eq!(book(&bare), book(&crlf));
    assert_eq!((&bare["resting"], &bare["unknown"]), (&2.into(), &1.into()));
    assert_eq!(bare["best_bid"], 5_853_300);
    assert!(bare["best_ask"].is_null());
}

#[test]
fn only_so_many_messages_are_read() {
    let file = Messages::new("first", &format!("{GOOD}\nnonsense\n"));
    let report = json(&[file.path(), "--messages", "1", "--json"]);
    assert_eq!(
        (&report["messages"], &report["resting"]),
        (&1.into(), &1.into())
    );
    let report = json(&["--messages", "7", "--json"]);
    assert_eq!(report["messages"], 7);
}

#[test]
fn a_bad_line_is_named() {
    let name = |line: &str| {
        let file = Messages::new("bad", &format!("{GOOD}\n{}\n", line));
        let error = refused(&[file.path(), "--json"]);
        let rest = error.strip_prefix(&format!("order_book: {}: ", file.path()));
        rest.expect("the file is named").to_owned()
    };
    assert_eq!(
        name("34200,1,2,abc,4,1"),
        "line 2, field `size`: \"abc\" is not a whole number from 0 to 18446744073709551615\n"
    );
    assert_eq!(
        name("34200,1,2,18446744073709551616,4,1"),
        "line 2, field `size`: \"18446744073709551616\" is not a whole number from 0 to \
         18446744073709551615\n"
    );
    assert_eq!(
        name("34200,1,2,3,4,2"),
        "line 2, field `direction`: \"2\" is not 1 (buy) or -1 (sell)\n"
    );
    assert_eq!(
        name(GOOD),
        "line 2, field `id`: an order of id 16113575 is resting already\n"
    );
    assert!(name("34200,1,2").starts_with("line 2, field `size`: missing"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = refused(&["there/is/no/such.csv"]);
    assert!(
        error.starts_with("order_book: there/is/no/such.csv: "),
        "{error}"
    );
    let folder = env!("CARGO_TARGET_TMPDIR");
    let error = refused(&[folder]);
    assert!(
        error.starts_with(&format!("order_book: {folder}: ")),
        "{error}"
    );
}

#[test]
fn bad_arguments_are_refused() {
    for args in [
        ["--alloc", "heap"],
        ["--messages", "many"],
        ["--messages", "-1"],
    ] {
        let output = order_book(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn help_says_how_the_stream_is_shaped() {
    let output = order_book(&["--help"]);
    let help = String::from_utf8(output.stdout).expect("the help is UTF-8");
    for words in [
        "46% are new orders",
        "walks at random",
        "unknown",
        "[MESSAGES.csv]",
    ] {
        assert!(help.contains(words), "no `{words}` in:\n{help}");
    }
}
