//! A real file's known answer: the first minute of a day of Apple's.

#![cfg(not(miri))] // it runs the binary

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/AAPL_2012-06-21_34200000_57600000_message_10.csv"
);

#[test]
fn a_real_file_has_its_known_answer() {
    if !Path::new(FILE).exists() {
        // Past the harness, which keeps what a passing test prints.
        let said = writeln!(
            std::io::stderr(),
            "skipped: there is no {FILE}, a LOBSTER sample"
        );
        said.expect("standard error is there");
        return;
    }
    for alloc in ["pool", "box"] {
        let output = Command::new(env!("CARGO_BIN_EXE_order_book"))
            .args([FILE, "--json", "--alloc", alloc])
            .output()
            .expect("the binary runs");
        assert!(output.status.success());
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        for (key, value) in [
            ("messages", 999),
            ("resting", 38),
            ("peak", 45),
            ("unknown", 9),
            ("best_bid", 5_853_500),
            ("best_ask", 5_857_100),
        ] {
            assert_eq!(report[key], value, "{key}");
        }
    }
}
