#!/usr/bin/env bash
# The hot path, counted and read.
#
# Counts the instructions that a `PoolBox::new` and its drop cost beyond writing the order, and
# fails if they are more than the limit; reads the machine code of the loop, and fails if there is
# a locked instruction, a fence, a system call, or a call that is not to a slow path on it. Reads
# that of a `PoolBox::new_with` as well, and fails if a 4 KiB object goes by way of the stack.
#
# usage: ci/hotpath.sh [iterations]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/tools.sh
source ci/tools.sh

readonly limit=25
readonly count=${1:-1000000}
readonly slow='take_slow|put_slow|panic|unwind'
results=()
verdict=skipped

fail() {
    echo "hotpath: FAILED: $*"
    exit 1
}

hotpath=$(cargo build --release -p benches --bin hotpath --no-default-features \
    --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
[[ -x $hotpath ]] || fail "the build gave no executable"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Instructions of a whole run: $1 is what it does, $2 how often.
instructions() {
    local out="$scratch/$1.$2"
    valgrind --tool=callgrind --callgrind-out-file="$out" "$hotpath" "$1" "$2" >"$scratch/log" 2>&1 || {
        cat "$scratch/log" >&2
        return 1
    }
    awk '$1 == "totals:" { print $2; found = 1 } END { exit !found }' "$out"
}

if have valgrind valgrind; then
    pool=$(instructions pool "$count")
    pool_idle=$(instructions pool 0)
    write=$(instructions write "$count")
    write_idle=$(instructions write 0)
    own=$(awk -v p="$pool" -v pi="$pool_idle" -v w="$write" -v wi="$write_idle" -v n="$count" \
        'BEGIN { printf "%.2f", ((p - pi) - (w - wi)) / n }')
    echo "instructions in $count iterations: pool $((pool - pool_idle)), writes alone $((write - write_idle))"
    echo "instructions per new and drop beyond the writes: $own"
    awk -v own="$own" -v limit="$limit" 'BEGIN { exit !(own <= limit) }' ||
        fail "$own instructions per new and drop beyond the writes; at most $limit are allowed"
    verdict=ok
    results+=("$own instructions beyond the writes, $limit allowed")
else
    echo "counting is skipped: valgrind is not installed, and cannot be from here (it takes root and apt-get)"
    results+=("counting skipped, for there is no valgrind")
fi

if [[ $(uname -m) != x86_64 ]]; then
    echo "reading the code is skipped: it knows x86-64, and this is $(uname -m)"
    results+=("code not read, for this is $(uname -m)")
elif have objdump binutils; then
    objdump -d -C --no-show-raw-insn "$hotpath" |
        awk '/^[0-9a-f]+ <.*>:$/ { inside = /loop_pool/ } /^$/ { inside = 0 } inside' >"$scratch/code"
    grep -q '%fs:' "$scratch/code" || fail "loop_pool is not in the executable, or does not use the thread's cache"
    # A call with nothing but padding behind it does not return: it is off the hot path wherever it
    # leads. Jumps out of the function are calls too.
    awk -v slow="$slow" '
        function check() {
            if (call != "" && call !~ slow) { print call; call = "" }
        }
        !/^ / { next }
        {
            sub(/^ *[0-9a-f]+:[ \t]*/, "")
            if (/^(int3|ud2)/ && call ~ /^call/) call = ""
            check()
            call = ""
            if (/^(lock|mfence|lfence|sfence|syscall|sysenter|int )/ || /^xchg.*\(/) print
            if (/^call/ || (/^j[a-z]+ / && !/<[^>]*loop_pool(\+0x[0-9a-f]+)?>/)) call = $0
        }
        END { if (call ~ /^j/) check() }
    ' "$scratch/code" >"$scratch/found"
    if [[ -s $scratch/found ]]; then
        cat "$scratch/found"
        fail "these instructions do not belong on the hot path"
    fi
    lines=$(grep -c '^ ' "$scratch/code")
    echo "loop_pool: $lines instructions, no lock, no fence, no system call, no call but to slow paths"
    verdict=ok
    results+=("no lock, fence or call on it")

    # A frame of 4 KiB, built in the pool: filled where it lies, not copied from the stack.
    objdump -d -C --no-show-raw-insn "$hotpath" |
        awk '/^[0-9a-f]+ <.*>:$/ { inside = /build_frame/ } /^$/ { inside = 0 } inside' >"$scratch/code"
    grep -q '%fs:' "$scratch/code" || fail "build_frame is not in the executable, or does not use the thread's cache"
    if grep -E 'memcpy|memmove|rep movs|sub +\$0x[0-9a-f]{4,},%rsp' "$scratch/code"; then
        fail "build_frame copies a frame through the stack"
    fi
    echo "build_frame: a frame of 4 KiB is built where it stays"
    results+=("4 KiB are built in place")
else
    echo "reading the code is skipped: objdump is not installed, and cannot be from here (it takes root and apt-get)"
    results+=("code not read, for there is no objdump")
fi

printf -v summary '%s; ' "${results[@]}"
echo "hotpath: $verdict: ${summary%; }"
