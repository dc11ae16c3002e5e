#!/usr/bin/env bash
# Other crates' own tests, with `SlabAlloc` as their program's allocator: what is published is unpacked, the allocator
# is put into its unit tests and each of its integration tests, and `cargo test` is run. (Documentation's tests are
# left out: they share the library with tests that bring an allocator of their own.) Each test program says
# at its end how much it allocated by it; one that allocated nothing is a failure.
#
# A test that brings its own allocator to count by, over the system's, counts over this one instead.
#
# usage: ci/foreign.sh [crate[@version][/feature,feature...]...]
# needs: the registry; without a name, the list below. Linux.
#        POOL_FOREIGN_PROFILE=release    for optimised tests
set -euo pipefail
cd "$(dirname "$0")/.."

readonly pool=$PWD/pool
crates=("$@")
[[ ${#crates[@]} -gt 0 ]] || crates=(
    crossbeam-channel@0.5.17
    hashbrown@0.17.1/rayon,serde
    rayon@1.12.0
    serde_json@1.0.154/preserve_order,arbitrary_precision,raw_value
)

# Tests that fail with the system's allocator as well, as crate:test, with the reason beside them. (There are none.)
readonly known=()

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/foreign

# The allocator, as a crate that can be depended on, and the one that makes it the program's: apart, since a test may
# have its own there.
make_allocator() {
    mkdir -p "$scratch"/global/src "$scratch"/global-set/src
    cat >"$scratch/global/Cargo.toml" <<TOML
[package]
name = "pool-global"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
pool = { path = "$pool" }
TOML
    cat >"$scratch/global/src/lib.rs" <<'RUST'
use std::io::Write;

pub static GLOBAL: pool::SlabAlloc = pool::SlabAlloc::new();

/// Runs at the program's end.
extern "C" fn report() {
    let stats = GLOBAL.stats();
    let large = stats.large.allocations;
    let small: u64 = stats.classes.iter().map(|class| class.hits + class.misses).sum();
    let program = std::env::current_exe().unwrap_or_default();
    let name = program.file_name().unwrap_or_default().display().to_string();
    let line = format!("{name} {}\n", small + large);
    if let Some(log) = std::env::var_os("POOL_GLOBAL_LOG") {
        let log = std::fs::File::options().append(true).create(true).open(log);
        let _ = log.and_then(|mut log| log.write_all(line.as_bytes()));
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = report;
RUST
    cat >"$scratch/global-set/Cargo.toml" <<TOML
[package]
name = "pool-global-set"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
pool-global = { path = "$scratch/global" }
TOML
    cat >"$scratch/global-set/src/lib.rs" <<'RUST'
struct Set;

unsafe impl std::alloc::GlobalAlloc for Set {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        unsafe { pool_global::GLOBAL.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: std::alloc::Layout) -> *mut u8 {
        unsafe { pool_global::GLOBAL.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: std::alloc::Layout) {
        unsafe { pool_global::GLOBAL.dealloc(block, layout) }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: std::alloc::Layout, size: usize) -> *mut u8 {
        unsafe { pool_global::GLOBAL.realloc(block, layout, size) }
    }
}

#[global_allocator]
static SET: Set = Set;
RUST
}

# Fetches the crate $1 at version $2 (a requirement of cargo's); says where it lies.
fetch() {
    local folder=$scratch/fetch-$1
    mkdir -p "$folder/src"
    touch "$folder/src/lib.rs"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\n[workspace]\n[dependencies]\n"%s" = "%s"\n' \
        "$1" "$2" >"$folder/Cargo.toml"
    (cd "$folder" && cargo vendor --quiet --versioned-dirs vendor >/dev/null)
    # The lock says which version that is.
    local version
    version=$(awk -v name="\"$1\"" '$1 == "name" { ours = $3 == name } ours && $1 == "version" { gsub(/"/, "", $3); print $3 }' \
        "$folder/Cargo.lock")
    echo "$folder/vendor/$1-$version"
}

# Makes the allocator that of the tests in the folder $1.
put_in() {
    local library file
    cat >>"$1/Cargo.toml" <<TOML

[workspace]

[dependencies.pool-global]
path = "$scratch/global"

[dependencies.pool-global-set]
path = "$scratch/global-set"
TOML
    library=$(sed -n '/^\[lib\]/,/^\[/s/^path = "\(.*\)"/\1/p' "$1/Cargo.toml")
    printf '\n#[cfg(test)]\nextern crate pool_global_set as _;\n' >>"$1/${library:-src/lib.rs}"
    for file in "$1"/tests/*.rs "$1"/tests/*/main.rs; do
        [[ -f $file ]] || continue
        if grep -q '^#\[global_allocator\]' "$file"; then
            sed -i 's/\bSystem\./::pool_global::GLOBAL./' "$file"
        else
            printf '\nextern crate pool_global_set as _;\n' >>"$file"
        fi
    done
}

passed=() failed=()
make_allocator
for crate in "${crates[@]}"; do
    features=
    [[ $crate != */* ]] || features=${crate#*/}
    name=${crate%%/*}
    version='*'
    if [[ $name == *@* ]]; then
        version="=${name#*@}"
        name=${name%@*}
    fi
    if ! folder=$(fetch "$name" "$version") || [[ ! -d $folder ]]; then
        echo "foreign: $crate cannot be had from the registry" >&2
        failed+=("$crate")
        continue
    fi
    put_in "$folder"
    skipped=()
    for test in "${known[@]}"; do
        [[ $test != "$name:"* ]] || skipped+=(--skip "${test#*:}")
    done
    log=$scratch/$name.log output=$scratch/$name.out
    : >"$log"
    began=$SECONDS
    if ! (cd "$folder" && POOL_GLOBAL_LOG=$log CARGO_TARGET_DIR=$target cargo test --tests --no-fail-fast \
        --profile "${POOL_FOREIGN_PROFILE:-test}" --features "$features" -- "${skipped[@]}") >"$output" 2>&1; then
        cat "$output"
        echo "foreign: $crate: FAILED" >&2
        failed+=("$crate")
        continue
    fi
    # Which programs ran tests, and which of them allocated.
    mapfile -t programs < <(awk '/^ *Running / { sub(/.*\//, ""); sub(/\)$/, ""); program = $0 }
        /^running [1-9][0-9]* test/ { print program }' "$output")
    silent=()
    for program in "${programs[@]}"; do
        awk -v name="$program" '$1 == name && $2 > 0 { found = 1 } END { exit !found }' "$log" || silent+=("$program")
    done
    if [[ ${#programs[@]} -eq 0 || ${#silent[@]} -gt 0 ]]; then
        echo "foreign: $crate: FAILED: of ${#programs[@]} programs these did not allocate by it: ${silent[*]:-}" >&2
        failed+=("$crate")
        continue
    fi
    tests=$(awk '/^test result: ok/ { sum += $4 } END { printf "%d", sum }' "$output")
    allocations=$(awk '{ sum += $2 } END { printf "%d", sum }' "$log")
    echo "foreign: $(basename "$folder"): ok: $tests tests in ${#programs[@]} programs," \
        "$allocations allocations, $((SECONDS - began)) s"
    passed+=("$crate")
done
echo "foreign: passed: ${passed[*]:-none}"
if [[ ${#failed[@]} -gt 0 ]]; then
    echo "foreign: FAILED: ${failed[*]}" >&2
    exit 1
fi
