#!/usr/bin/env bash
# The fuzz targets, from the seeds in fuzz/seeds, each for a bounded time (60 seconds if none is said).
# Needs a nightly toolchain and cargo-fuzz, which it installs into a cache folder if it is missing.
#
# usage: ci/fuzz.sh [seconds] [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/tools.sh
source ci/tools.sh

seconds=${1:-60}
shift || true
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(lobster operations topology)

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: skipped: there is no nightly toolchain"
    exit 0
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    export PATH="$tools/cargo-fuzz/bin:$PATH"
    if ! cargo fuzz --version >/dev/null 2>&1 && ! cargo install -q --root "$tools/cargo-fuzz" cargo-fuzz; then
        echo "fuzz: skipped: cargo-fuzz is not installed, and cannot be fetched"
        exit 0
    fi
fi

corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
for target in "${targets[@]}"; do
    mkdir -p "$corpus/$target"
    cargo +nightly fuzz run "$target" "$corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -print_final_stats=1 -verbosity=0
    echo "fuzz: $target: ok, $seconds seconds"
done
