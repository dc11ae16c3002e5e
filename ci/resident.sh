#!/usr/bin/env bash
# What a million live orders of 64 bytes cost in resident memory: fails if it is over 3 % more than
# the orders themselves.
#
# usage: ci/resident.sh
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -r /proc/self/statm ]]; then
    echo "resident: skipped: this system has no /proc to say what is resident"
    exit 0
fi
cargo run --release -q -p benches --no-default-features --bin resident
echo "resident: ok"
