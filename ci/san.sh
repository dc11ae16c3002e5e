#!/usr/bin/env bash
# The tests under AddressSanitizer (with LeakSanitizer) and ThreadSanitizer.
#
# AddressSanitizer needs a nightly toolchain. ThreadSanitizer needs a standard library that is
# instrumented as well, or it reports races inside it: see `rust-src.sh`.
#
# usage: ci/san.sh [address] [thread]     both if none is named
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/tools.sh
source ci/tools.sh

target=x86_64-unknown-linux-gnu
sanitizers=("$@")
[[ ${#sanitizers[@]} -gt 0 ]] || sanitizers=(address thread)

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "san: skipped: there is no nightly toolchain"
    exit 0
fi

# What is left out: `ui` runs the compiler; forks are not for the sanitizers' runtimes. ThreadSanitizer has nothing to
# see in an arena, which is one thread's, nor in tests that have one, nor where all is said when it is compiled, nor
# where resident memory and limits are looked at, of which its own shadow is most.
mapfile -t tests < <(tests_but ui fork global_alloc_fork slab_atfork)
mapfile -t threaded < <(tests_but ui fork global_alloc_fork slab_atfork arena assertions assertions_arena \
    assertions_erased assertions_handles assertions_slab attributes boxes global_alloc_limits global_alloc_quiet \
    global_alloc_static panics resident scrub shapes slab_checked slab_resident)

# Tests say what they skip for it.
address() {
    POOL_TEST_SANITIZER=address RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/asan \
        cargo +nightly test --target $target -p pool --lib -p tests "${tests[@]}"
    echo "san: address: ok"
}

thread() {
    local compiler
    if ! compiler=$(ci/rust-src.sh); then
        echo "san: thread: skipped: there is no compiler with its standard library's source to be had"
        return
    fi
    eval "$compiler"
    # crossbeam-epoch stands in for its fences, which ThreadSanitizer does not understand; and the allocator does without
    # moving blocks by their page table.
    POOL_TEST_SANITIZER=thread RUSTFLAGS="-Zsanitizer=thread --cfg crossbeam_sanitize --cfg crossbeam_sanitize_thread" \
        CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/tsan TSAN_OPTIONS="halt_on_error=1" \
        cargo +nightly test -Zbuild-std --target $target -p pool --lib -p tests "${threaded[@]}"
    echo "san: thread: ok"
}

for sanitizer in "${sanitizers[@]}"; do
    case $sanitizer in
        address | thread) "$sanitizer" ;;
        *) echo "san: there is no sanitizer \`$sanitizer\` here: address, thread" >&2 && exit 2 ;;
    esac
done
