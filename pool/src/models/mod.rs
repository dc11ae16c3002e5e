//! Loom models: every interleaving, within a bound on preemptions, of the protocols that threads
//! meet in. `ci/loom.sh` runs them.
//!
//! Each protocol has a broken variant beside it, which the same model must be seen to fail: a
//! check that cannot fail checks nothing.

mod atomic;
mod berths;
mod caches;
pub(crate) mod heap;
mod links;
mod nodes;
mod scopes;
mod shared;
mod structures;
mod waiting;

use std::process::Command;

const OWNERS: &str = "a thing has not exactly one owner";

/// Runs a model with a bound on preemptions: with a few, the known failures show.
fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 100_000;
    builder.check(model);
}

/// Runs the ignored test `name`, a model of something broken, and asserts that it fails with
/// `message`. In a process of its own: loom's failure may end it.
fn is_seen_to_fail(name: &str, message: &str) {
    let test = format!(
        "{}::{name}",
        module_path!().split_once("::").expect("a module").1
    );
    let output = Command::new(std::env::current_exe().expect("a test's own path"))
        .args([&test, "--exact", "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the test runs again");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not seen to fail");
    assert!(said.contains(message), "{name} failed otherwise: {said}");
}
