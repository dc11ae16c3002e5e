#!/usr/bin/env bash
# The fuzz targets, from the seeds in fuzz/seeds, each for a bounded time (60 seconds if none is said).
# Needs a nightly toolchain and a C++ compiler. They are built as cargo-fuzz builds them, which need not be
# there; `cargo +nightly fuzz run TARGET` works as well.
#
# usage: ci/fuzz.sh [seconds] [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/tools.sh
source ci/tools.sh

seconds=${1:-60}
shift || true
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    for file in fuzz/fuzz_targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: skipped: there is no nightly toolchain"
    exit 0
fi
if ! have c++ g++; then
    echo "fuzz: skipped: there is no C++ compiler for libFuzzer, and none can be installed"
    exit 0
fi

target=x86_64-unknown-linux-gnu
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/fuzz
flags="--cfg fuzzing -Zsanitizer=address -Cdebug-assertions -Cpasses=sancov-module"
for pass in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$pass"
done
RUSTFLAGS=$flags cargo +nightly build --release --manifest-path fuzz/Cargo.toml --target $target

corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
for name in "${targets[@]}"; do
    mkdir -p "$corpus/$name"
    "$CARGO_TARGET_DIR/$target/release/$name" "$corpus/$name" "fuzz/seeds/$name" \
        -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 -artifact_prefix="$corpus/"
    echo "fuzz: $name: ok, $seconds seconds"
done
