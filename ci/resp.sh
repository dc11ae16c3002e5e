#!/usr/bin/env bash
# `resp_server` beside redis-server: requests in a second by redis-benchmark, 16 a batch, three times
# each by turns; and what the server has grown by over many requests. Fails if the median is below 80 % of
# redis-server's, or if it has grown by more than 1 MiB.
#
# usage: ci/resp.sh [requests over which growth is measured; 1000000 if none is said]
# needs: redis-server and redis-benchmark, which it installs where it may; Linux, for /proc
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/tools.sh
source ci/tools.sh

readonly growth_requests=${1:-1000000}
readonly requests=400000 rounds=3
readonly least=80 # percent of redis-server's requests in a second
readonly most_growth=1024 # KiB

if [[ ! -r /proc/self/status ]]; then
    echo "resp: skipped: this system has no /proc to say what is resident"
    exit 0
fi
if ! have redis-server redis-server || ! have redis-benchmark redis-tools; then
    echo "resp: skipped: redis-server is not installed, and cannot be from here (it takes root and apt-get)"
    exit 0
fi

fail() {
    echo "resp: FAILED: $*" >&2
    exit 1
}

ours=$(cargo build --release -p examples --bin resp_server --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
[[ -x $ours ]] || fail "the build gave no executable"

scratch=$(mktemp -d)
started=()
cleanup() {
    [[ ${#started[@]} -eq 0 ]] || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$scratch"
}
trap cleanup EXIT

"$ours" --port 0 >"$scratch/ours" &
ours_id=$!
started+=("$ours_id")
for _ in {1..100}; do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$scratch/ours")
    [[ -z $port ]] || break
    sleep 0.1
done
[[ -n $port ]] || fail "the server does not say where it listens"

# The other one has no way to choose a port that is free: try some.
their_port=
for ((try = 0; try < 20; try++)); do
    candidate=$((20000 + RANDOM % 20000))
    redis-server --port "$candidate" --bind 127.0.0.1 --save '' --appendonly no --dir "$scratch" \
        >"$scratch/theirs" &
    id=$!
    for _ in {1..50}; do
        # Its words, lest another's server answer.
        if grep -q 'Ready to accept connections' "$scratch/theirs"; then
            their_port=$candidate
            started+=("$id")
            break 2
        fi
        kill -0 "$id" 2>/dev/null || break
        sleep 0.1
    done
    kill "$id" 2>/dev/null || true
done
[[ -n $their_port ]] || fail "redis-server does not start: $(cat "$scratch/theirs")"

# Requests in a second: those of the test $2 on port $1.
rate() {
    redis-benchmark -p "$1" -P 16 -t "$2" -n "$requests" --csv |
        awk -F '","' 'NR > 1 { print int($2); found = 1 } END { exit !found }'
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$ours_id/status"; }

results=()
low=
for test in set get; do
    our_rates=() their_rates=()
    for ((round = 0; round < rounds; round++)); do
        our_rates+=("$(rate "$port" $test)")
        their_rates+=("$(rate "$their_port" $test)")
    done
    our_rate=$(median "${our_rates[@]}")
    their_rate=$(median "${their_rates[@]}")
    percent=$((100 * our_rate / their_rate))
    echo "$test: $our_rate requests a second (${our_rates[*]}); redis-server $their_rate (${their_rates[*]})"
    results+=("$test $percent % of redis-server's requests in a second")
    [[ $percent -ge $least ]] || low=$percent
done
[[ -z $low ]] || fail "${results[*]}; at least $least % are wanted"

# Over so many keys that the entries are all there after the first run, with values in the entry and
# on the heap.
load() {
    redis-benchmark -p "$port" -P 16 -t set,get,incr,mset -r 10000 -d "$1" -n "$2" -q >/dev/null
}
runs=8 # four commands, two lengths
load 3 50000
load 300 50000
before=$(resident)
load 3 $((growth_requests / runs))
load 300 $((growth_requests / runs))
after=$(resident)
growth=$((after - before))
echo "resident: $before KiB before $growth_requests requests, $after KiB after"
[[ $growth -le $most_growth ]] ||
    fail "$growth KiB more are resident after $growth_requests requests; at most $most_growth are allowed"
results+=("$growth KiB more resident after $growth_requests requests")

printf -v summary '%s; ' "${results[@]}"
echo "resp: ok: ${summary%; }"
