#!/usr/bin/env bash
# Programs in a Linux that has four NUMA nodes: Debian's kernel in QEMU, without KVM. A boot takes
# about 6 seconds, and what runs in it is some ten times slower than here.
#
# Nodes 0 to 3 have one cpu, 512 MiB and 16 huge pages of 2 MiB each, for each program anew; a node
# is 10 from itself, and 20, 30 or 40 from the others. Programs find /proc, /sys and /dev there, their
# shared libraries, and a /tmp; no other file of this machine. POOL_TEST_GUEST=1 tells them where they
# are.
#
# usage: ci/numa.sh                       the tests that are about nodes and page sources
#        ci/numa.sh run PROG [args...]    one program; exits as it did there
# As a runner of cargo's, which takes whole tests there:
#        CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$PWD/ci/numa.sh run" cargo test ...
# environment: SMP=3          cpus; node 3 has none then
#              LIMIT=300      seconds for a boot and all that runs in it
#              APPEND="..."   more for the kernel's command line; psi=1 cgroup_no_v1=all gives cgroup
#                             v2 with its memory controller
# needs: QEMU, busybox and cpio, which it installs where it may; apt with Debian's archives
set -euo pipefail
# shellcheck source=ci/tools.sh
source "$(dirname "$(readlink -f "$0")")/tools.sh"

readonly kernel=$tools/kernel/vmlinuz

fail() {
    echo "numa: FAILED: $*" >&2
    exit 1
}

usage() {
    echo "usage: ci/numa.sh [run PROG [args...]]" >&2
    exit 2
}

# The kernel alone, out of Debian's package.
fetch_kernel() {
    [[ ! -r $kernel ]] || return 0
    command -v apt-get >/dev/null || return 1
    mkdir -p "$tools/kernel"
    local scratch
    scratch=$(mktemp -d -p "$tools/kernel") || return 1
    (
        set -e
        cd "$scratch"
        [[ $EUID -ne 0 ]] || apt-get update -qq >&2
        package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
        apt-get -o APT::Sandbox::User=root download -qq "$package" >&2
        dpkg --fsys-tarfile ./*.deb | tar -x --wildcards './boot/vmlinuz-*'
        mv boot/vmlinuz-* vmlinuz
        mv vmlinuz "$kernel"
    )
    local status=$?
    rm -rf "$scratch"
    return $status
}

# Says why there can be no guest on this machine, and fails; or sees to it that there can.
prepare() {
    if [[ $(uname -sm) != "Linux x86_64" ]]; then
        echo "it knows Linux on x86-64, and this is $(uname -sm)"
    elif ! have qemu-system-x86_64 qemu-system-x86; then
        echo "QEMU is not installed, and cannot be from here (it takes root and apt-get)"
    elif ! have busybox busybox-static; then
        echo "busybox is not installed, and cannot be from here (it takes root and apt-get)"
    elif ! have cpio cpio; then
        echo "cpio is not installed, and cannot be from here (it takes root and apt-get)"
    elif ! fetch_kernel; then
        echo "Debian's kernel is not in $tools/kernel, and cannot be fetched"
    else
        return 0
    fi
    return 1
}

# A word that any shell reads back as it is.
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# What the guest's /init begins with, and the folder that becomes its file system. `labels` are its
# programs, in the order in which they run.
begin() {
    labels=()
    guest=$scratch/root
    libraries=
    rm -rf "$guest"
    mkdir -p "$guest"/{bin,dev,proc,sys,tmp}
    cp -L "$(command -v busybox)" "$guest/bin/busybox"
    bring_libraries "$(command -v busybox)"
    cat >"$guest/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
cd /tmp
export PATH=/bin HOME=/tmp RUST_BACKTRACE=1 POOL_TEST_GUEST=1
. /libraries
# As the machine began: whoever ran before may have used a node up, or moved huge pages to another.
afresh() {
    echo 3 >/proc/sys/vm/drop_caches
    echo 1 >/proc/sys/vm/compact_memory
    for count in /sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages; do
        echo 16 >$count
        [ "$(/bin/busybox cat $count)" = 16 ] || echo "numa: not 16 but $(/bin/busybox cat $count) in $count"
    done
}
INIT
}

# Puts a file of this machine at the same place in the guest.
bring() {
    local place=$guest/$1
    [[ -e $place ]] || install -D "$1" "$place"
}

# A dynamic program's libraries, and the loader. A static one has none, which ldd takes amiss.
bring_libraries() {
    local needs library
    needs=$(ldd "$1" 2>/dev/null) || needs=
    [[ $needs != *"not found"* ]] || fail "\`$1\` lacks a library: $needs"
    while read -r library; do
        bring "$library"
        [[ :$libraries: == *:"${library%/*}":* ]] || libraries=$libraries${libraries:+:}${library%/*}
    done < <(awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' <<<"$needs")
}

# One more program for the guest: a label, the program, its arguments.
add() {
    local label=$1 program argument
    # A name from PATH, or a path from here; where it is, and not where a link to it leads.
    program=$(command -v "$2") || fail "there is no program \`$2\`"
    program=$(realpath -s "$program")
    shift 2
    bring "$program"
    # What is only for debuggers would be most of the guest's memory. Backtraces keep their names.
    if command -v strip >/dev/null; then
        strip --strip-debug "$guest/$program" 2>/dev/null || true
    fi
    bring_libraries "$program"
    {
        printf 'afresh; echo; echo %s\n' "$(quoted "--- $label")"
        quoted "$program"
        for argument in "$@"; do printf ' ' && quoted "$argument"; done
        printf ' </dev/null\necho $? >/dev/ttyS1\n'
    } >>"$guest/init"
    labels+=("$label")
}

# Boots the guest and runs its programs, with what they print on this script's output. Their statuses
# come back by a serial line of their own, where nothing else is said.
boot() {
    local cpus=${SMP:-4} limit=${LIMIT:-300} node other ended=0 machine=()
    [[ $cpus =~ ^[1-4]$ ]] || fail "SMP is \`$cpus\`: write 1 to 4, a cpu a node"
    for node in 0 1 2 3; do
        machine+=(-object "memory-backend-ram,id=memory$node,size=512M")
        # Node 3 and others that are left over have memory alone.
        machine+=(-numa "node,nodeid=$node,memdev=memory$node$( ((node >= cpus)) || echo ",cpus=$node")")
    done
    for node in 0 1 2; do
        for ((other = node + 1; other < 4; other++)); do
            machine+=(-numa "dist,src=$node,dst=$other,val=$((10 + 10 * (other - node)))")
        done
    done
    printf 'export LD_LIBRARY_PATH=%s\n' "$(quoted "$libraries")" >"$guest/libraries"
    echo '/bin/busybox poweroff -f' >>"$guest/init"
    chmod +x "$guest/init"
    (cd "$guest" && find . -print0 | cpio --null -o -H newc -R 0:0 --quiet | gzip -1) >"$scratch/initrd"
    : >"$scratch/status"
    timeout --foreground "$limit" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -smp "$cpus" -m 2G \
        "${machine[@]}" -kernel "$kernel" -initrd "$scratch/initrd" \
        -append "console=ttyS0 quiet panic=-1 hugepages=64 transparent_hugepage=madvise rdinit=/init ${APPEND:-}" \
        -nodefaults -display none -serial stdio -serial "file:$scratch/status" -no-reboot \
        </dev/null | stdbuf -o0 tr -d '\r' || ended=${PIPESTATUS[0]}
    [[ $ended -ne 124 ]] || fail "the guest was still at work after $limit seconds; LIMIT=... gives it more"
    mapfile -t statuses < <(tr -d '\r' <"$scratch/status")
    [[ ${#statuses[@]} -eq ${#labels[@]} ]] ||
        fail "the guest ended (QEMU: $ended) within \`${labels[${#statuses[@]}]}\`"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [[ $# -gt 0 ]]; then
    [[ $1 == run && $# -gt 1 ]] || usage
    shift
    why=$(prepare) || fail "$why"
    begin
    add "${1##*/}" "$@"
    boot
    exit "${statuses[0]}"
fi

cd "$(dirname "$(readlink -f "$0")")/.."
if ! why=$(prepare); then
    echo "numa: skipped: $why"
    exit 0
fi

# The executable that cargo makes of what the arguments name.
built() {
    local paths
    paths=$(cargo "$@" --message-format=json-render-diagnostics |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
    [[ -n $paths && $paths != *$'\n'* && -x $paths ]] || fail "cargo $* gave no executable, or several: $paths"
    echo "$paths"
}

# A test executable $2, with each of the filters that follow; each must be some test's.
add_tests() {
    local label=$1 executable=$2 filter count
    shift 2
    for filter in "${@:-}"; do
        # A filter that fits nothing is no error to the harness.
        count=$("$executable" --list --format terse ${filter:+"$filter"} | grep -c ': test$' || true)
        [[ $count -gt 0 ]] || fail "$label has no test ${filter:+with \`$filter\` in its name}"
        echo "numa: $label: $count tests${filter:+ with \`$filter\` in their names}"
    done
    # One at a time: they fill nodes and take huge pages, and there is one machine. What a test
    # skips, it says: that is to be seen.
    add "$label${*:+ ($*)}" "$executable" --test-threads=1 --show-output "$@"
}

# Boots, and fails if a program of the guest's did.
boot_all() {
    local n
    boot
    for n in "${!labels[@]}"; do
        [[ ${statuses[n]} == 0 ]] || fail "${labels[n]} on $1: exit status ${statuses[n]}"
    done
}

tests=$(built test --no-run -p tests --test numa)
library=$(built test --no-run -p pool --lib)
report=$(built build -p examples --bin memory_report)

begin
add_tests "tests/numa" "$tests"
add_tests "pool" "$library" numa::tests numa::affinity source
add "memory_report" "$report"
boot_all "four nodes"

begin
add_tests "tests/numa" "$tests"
add_tests "pool" "$library" numa::tests
SMP=3 boot_all "four nodes, one without a cpu"
echo "numa: ok"
