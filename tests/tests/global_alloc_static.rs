//! `global_alloc_program` and `global_alloc` without shared libraries: there the allocator meets another `libc`, and
//! starts before it has found its thread-locals.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

use std::path::Path;
use std::process::Command;

const TARGET: &str = if cfg!(target_env = "musl") {
    "x86_64-unknown-linux-musl"
} else {
    "x86_64-unknown-linux-gnu"
};

/// Whether the C compiler finds a static C library.
fn has_static_libc() -> bool {
    let found = Command::new("cc").arg("-print-file-name=libc.a").output();
    // A name without a folder in front says that there is none.
    found.is_ok_and(|output| {
        let name = String::from_utf8_lossy(&output.stdout);
        Path::new(name.trim()).is_absolute()
    })
}

#[test]
fn a_static_program_runs() {
    if std::env::var_os("POOL_TEST_SANITIZER").is_some() {
        eprintln!("skipped: sanitizers want shared libraries");
        return;
    }
    if !has_static_libc() {
        eprintln!("skipped: there is no libc.a");
        return;
    }
    // A folder of its own for what is built: this test's own build may be going on, or be of other flags.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--locked", "--target", TARGET])
        .args([
            "-p",
            "tests",
            "--test",
            "global_alloc_program",
            "--test",
            "global_alloc",
        ])
        .args(["--config", "profile.test.debug=false"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", folder)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(
        said.contains("in and after main, static: ok"),
        "{said}{errors}"
    );
}
