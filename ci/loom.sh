#!/usr/bin/env bash
# The models: every interleaving of the lock-free protocols, within a bound on preemptions, and the
# broken variants that the same models must be seen to fail. About two minutes.
#
# usage: ci/loom.sh [arguments of the test binary]
set -euo pipefail
cd "$(dirname "$0")/.."
# crossbeam-epoch's own switch makes its epochs part of the model.
export RUSTFLAGS="--cfg loom --cfg crossbeam_loom"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/loom
cargo test --release -p pool --lib models -- --test-threads=1 "$@"
echo "loom: ok"
