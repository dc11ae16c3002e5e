//! Each of the programs that measure, with as little to do as can be.

#![cfg(feature = "peers")]

use benches::handles::Comparison;
use benches::{allocators, arenas, programs};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One at a time: some of them set huge pages aside.
fn report(program: &str, args: &[&str]) -> Value {
    static RUNS: Mutex<()> = Mutex::new(());
    let _alone = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(program)
        .args(args)
        .arg("--json")
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn strings<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|entry| entry[key].as_str().expect("a name"))
        .collect()
}

fn is_skipped(report: &Value, words: &str) -> bool {
    let skipped = report["skipped"].as_array().expect("a list").iter();
    let found = skipped
        .map(|skipped| skipped.as_str().expect("a sentence"))
        .find(|skipped| skipped.contains(words));
    if let Some(found) = found {
        eprintln!("skipped in part: {found}");
    }
    found.is_some()
}

/// Whether each figure was measured in so many rounds, and can be.
fn assert_measured(report: &Value, rounds: usize) {
    for figure in report["figures"].as_array().expect("a list") {
        let taken = figure["rounds"].as_array().expect("a list");
        assert_eq!(taken.len(), rounds, "{figure}");
        let number = |key: &str| figure[key].as_f64().expect("a number");
        let (min, median, max) = (number("min"), number("median"), number("max"));
        assert!(0.0 < min && min <= median && median <= max, "{figure}");
    }
}

#[test]
fn visit_goes_to_all_subjects_both_ways() {
    let args = [
        "--orders", "1000", "--orders", "50000", "--rounds", "2", "--millis", "1",
    ];
    let report = report(env!("CARGO_BIN_EXE_visit"), &args);
    assert_measured(&report, 2);
    let huge = !is_skipped(&report, "huge_2m");
    let subjects = if huge { 5 } else { 4 };
    let figures = strings(&report["figures"], "workload");
    for workload in ["chase-1000", "sum-1000", "chase-50000", "sum-50000"] {
        let found = figures.iter().filter(|name| **name == workload).count();
        assert_eq!(found, subjects, "{workload}");
    }
    // What the orders take, the kernel says; not every kernel.
    for memory in report["memory"].as_array().expect("a list") {
        let bytes = |key: &str| memory[key].as_u64().expect("a number");
        assert!(bytes("huge") <= bytes("resident"), "{memory}");
        if memory["orders"] == 50_000 {
            // Allocators may have had some of it before.
            assert!(bytes("resident") >= 2 << 20, "{memory}");
        }
        if memory["subject"] == "pool, huge_2m" && memory["orders"] == 50_000 {
            assert_eq!(bytes("huge"), 4 << 20, "{memory}");
        }
    }
}

#[test]
fn first_touch_takes_each_subject_in_its_own_process() {
    let args = ["--orders", "20000", "--rounds", "2"];
    let report = report(env!("CARGO_BIN_EXE_first_touch"), &args);
    let huge = !is_skipped(&report, "huge_2m");
    let subjects = strings(&report["figures"], "subject");
    assert_eq!(subjects.len(), if huge { 8 } else { 7 });
    for figure in report["figures"].as_array().expect("a list") {
        assert_eq!(figure["rounds"].as_array().expect("a list").len(), 2);
        let number = |key: &str| figure["median"][key].as_f64().expect("a number");
        let quantiles = ["p50", "p99_9", "max", "total"].map(number);
        assert!(quantiles.is_sorted() && quantiles[3] > 0.0, "{figure}");
    }
}

#[test]
fn policies_are_measured_on_all_machines() {
    let args = ["--rounds", "2", "--millis", "1"];
    let report = report(env!("CARGO_BIN_EXE_policies"), &args);
    assert_measured(&report, 2);
    let workloads = if is_skipped(&report, "pipe") { 2 } else { 4 };
    let subjects = strings(&report["figures"], "subject");
    assert_eq!(subjects.len(), workloads * 13);
    // Nodes are told apart, and what was to be far was.
    for traffic in report["traffic"].as_array().expect("a list") {
        let subject = traffic["subject"].as_str().expect("a name");
        let count = |key: &str| traffic[key].as_u64().expect("a number");
        let Some((nodes @ ("2" | "4"), policy)) = subject.split_once(" nodes, ") else {
            continue;
        };
        assert_eq!(
            count("nodes"),
            nodes.parse::<u64>().expect("a number"),
            "{subject}"
        );
        assert!(count("far") > 0 || workloads == 2, "{subject}");
        match policy {
            "local_only" => assert_eq!(count("remote"), 0),
            "interleaved" => assert!(count("remote") > 0),
            _ => {}
        }
    }
    for policy in ["preferred", "local_only", "interleaved", "adaptive"] {
        for machine in ["own nodes", "2 nodes", "4 nodes"] {
            let name = format!("{machine}, {policy}");
            let found = subjects.iter().filter(|subject| **subject == name).count();
            assert_eq!(found, workloads, "{name}");
        }
    }
}

#[test]
fn handles_are_measured_beside_all_peers() {
    let args = ["--rounds", "2", "--millis", "1"];
    let report = report(env!("CARGO_BIN_EXE_handles"), &args);
    assert_measured(&report, 2);
    is_skipped(&report, "CPUs");
    let skipped = report["skipped"].as_array().expect("a list").len();
    let workloads: BTreeSet<_> = strings(&report["figures"], "workload")
        .into_iter()
        .collect();
    assert_eq!(workloads.len() + skipped, Comparison::ALL.len());
    for standing in report["standings"].as_array().expect("a list") {
        let number = |key: &str| standing[key].as_f64().expect("a number");
        let ratio = number("pool") / number("other");
        assert!((ratio - number("ratio")).abs() < 1e-6 * ratio, "{standing}");
    }
}

#[test]
fn handles_are_chosen_by_workload_threads_and_subject() {
    let subjects = |args: &[&str]| {
        let mut all = vec!["--rounds", "1", "--millis", "1"];
        all.extend(args);
        let report = report(env!("CARGO_BIN_EXE_handles"), &all);
        let names = ["workload", "subject"].map(|key| strings(&report["figures"], key).join(" "));
        names.join(": ")
    };
    let args = [
        "--workload",
        "arc-clone",
        "--threads",
        "1",
        "--subject",
        "std",
    ];
    assert_eq!(subjects(&args), "arc-clone: std");
    let args = ["--workload", "atomic-load"];
    assert_eq!(subjects(&args), "atomic-load atomic-load: pool crossbeam");
    assert_eq!(subjects(&[&args[..], &["--threads", "2"]].concat()), ": ");
}

#[test]
fn arenas_are_measured_beside_all_peers() {
    let args = ["--rounds", "2", "--millis", "1"];
    let report = report(env!("CARGO_BIN_EXE_arenas"), &args);
    assert_measured(&report, 2);
    let workloads: BTreeSet<_> = strings(&report["figures"], "workload")
        .into_iter()
        .collect();
    assert_eq!(workloads.len(), arenas::Comparison::ALL.len());
    let measures = arenas::Comparison::ALL.iter();
    let measures: usize = measures.map(|comparison| comparison.measures.len()).sum();
    let standings = report["standings"].as_array().expect("a list");
    assert_eq!(standings.len(), measures);
}

#[test]
fn allocators_are_measured_beside_each_other() {
    let args = ["--rounds", "2", "--millis", "1", "--memory", "1"];
    let report = report(env!("CARGO_BIN_EXE_allocators"), &args);
    assert_measured(&report, 2);
    is_skipped(&report, "CPUs");
    let skipped = report["skipped"].as_array().expect("a list").len();
    let workloads = allocators::Comparison::ALL.len() - skipped;
    let subjects = programs::ALLOCATORS.len();
    assert_eq!(
        strings(&report["figures"], "subject").len(),
        workloads * subjects
    );
    let standings = strings(&report["standings"], "beside");
    assert_eq!(standings.len(), workloads * allocators::MEASURES.len());
    // Each process had its own blocks at least: those of `larson` are 5 MB.
    let larson = |list: &str| {
        let memory = report[list].as_array().expect("a list").iter();
        let larson: Vec<_> = memory
            .filter(|figure| figure["workload"] == "larson")
            .map(|figure| figure["median"].as_f64().expect("a number"))
            .collect();
        larson
    };
    let (peak, end) = (larson("peak"), larson("end"));
    if cfg!(target_os = "linux") && skipped == 0 {
        assert_eq!((peak.len(), end.len()), (subjects, subjects));
        assert!(peak.iter().all(|mib| *mib > 5.0), "{peak:?}");
    }
}

#[test]
fn allocators_are_chosen_by_workload_and_subject() {
    let args = ["--rounds", "1", "--millis", "1", "--workload", "churn"];
    let args = [&args[..], &["--subject", "slab", "--threads", "1"]].concat();
    let report = report(env!("CARGO_BIN_EXE_allocators"), &args);
    assert_eq!(strings(&report["figures"], "subject"), ["slab"; 6]);
    let sizes = ["16", "64", "256", "1024", "4096", "32768"];
    let names = sizes.map(|size| format!("churn-{size}"));
    assert_eq!(strings(&report["figures"], "workload"), names);
    assert!(strings(&report["standings"], "beside").is_empty());
}

#[test]
fn programs_run_on_all_allocators() {
    let args = ["--rounds", "1", "--percent", "1"];
    let report = report(env!("CARGO_BIN_EXE_programs"), &args);
    assert!(!is_skipped(&report, ""));
    let (all, subjects) = (programs::Program::ALL.len(), programs::ALLOCATORS.len());
    for what in ["time", "peak", "end"] {
        let compared = &report[what];
        if what != "time" && cfg!(not(target_os = "linux")) {
            continue;
        }
        assert_measured(compared, 1);
        let found = strings(&compared["figures"], "subject").len();
        assert_eq!(found, all * subjects, "{what}");
        let standings = strings(&compared["standings"], "beside").len();
        assert_eq!(standings, all * allocators::MEASURES.len(), "{what}");
    }
}

#[test]
fn programs_are_chosen_by_name_and_allocator() {
    let args = ["--rounds", "2", "--percent", "1", "--program", "json"];
    let args = [&args[..], &["--subject", "slab", "--subject", "jemalloc"]].concat();
    let report = report(env!("CARGO_BIN_EXE_programs"), &args);
    let figures = &report["time"]["figures"];
    assert_eq!(strings(figures, "workload"), ["json", "json"]);
    assert_eq!(strings(figures, "subject"), ["slab", "jemalloc"]);
    assert_measured(&report["time"], 2);
}
