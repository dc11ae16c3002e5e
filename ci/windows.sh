#!/usr/bin/env bash
# The tests on Windows: built for x86_64-pc-windows-gnu, run under wine. The standard library is
# built from its source with them (see `rust-src.sh`), so no toolchain for that target is needed.
#
# Wine 8 has one NUMA node and no large pages: what wants them is refused there, which is tested.
#
# usage: ci/windows.sh                        the tests of `pool`, and those of `tests` but `ui`
#        ci/windows.sh brief                  those that ask the system for something, or its threads
#        ci/windows.sh test -p pool --lib     cargo's own arguments
# needs: apt with Debian 12's archives, a nightly toolchain; about 3 minutes the first time
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/tools.sh
source ci/tools.sh

readonly target=x86_64-pc-windows-gnu

skip() {
    echo "windows: skipped: $*"
    # Whoever asked for a test of his own must not take this for its success.
    exit "$asked"
}

# `ui` runs the compiler, which there is none of for Windows here.
left_out=(ui)
if [[ $* == brief ]]; then
    shift
    # What is computed here is computed there.
    left_out+=(arena assertions assertions_arena assertions_erased assertions_handles assertions_slab attributes erased
        fork generics global_alloc_fork global_alloc_static model overflow pool_scope recycling scrub shapes slab_atfork
        slab_model structures values wakers)
fi
asked=$(($# > 0))
PATH=$PATH:/usr/lib/wine # where Debian keeps wine64, which it does not link to from a `bin`
gcc=x86_64-w64-mingw32-gcc-win32

cargo +nightly --version >/dev/null 2>&1 || skip "there is no nightly toolchain"
have "$gcc" gcc-mingw-w64-x86-64-win32 || skip "there is no gcc for Windows, and none can be installed"
have wine64 wine64 || skip "there is no wine, and none can be installed"
compiler=$(ci/rust-src.sh) || skip "there is no compiler with its standard library's source to be had"
eval "$compiler"

# What a toolchain for the target would bring besides its standard library: the objects that its
# executables begin and end with.
sysroot=$("$RUSTC" --print sysroot)/lib/rustlib
mkdir -p "$sysroot/$target/lib"
for object in rsbegin rsend; do
    [[ -f $sysroot/$target/lib/$object.o ]] || "$RUSTC" --target $target --cfg=bootstrap --emit obj \
        -o "$sysroot/$target/lib/$object.o" "$sysroot/src/rust/library/rtstartup/$object.rs"
done

# What wine does not bring: gcc's library for unwinding, and the random numbers that the standard
# library asks for under a name that is too new for wine 8.
dlls=$tools/windows/dll
mkdir -p "$dlls"
[[ -f $dlls/libgcc_s_seh-1.dll ]] || cp "$("$gcc" -print-file-name=libgcc_s_seh-1.dll)" "$dlls/"
[[ -f $dlls/bcryptprimitives.dll ]] || "$gcc" -shared -o "$dlls/bcryptprimitives.dll" -x c - -ladvapi32 <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
    return SystemFunction036(bytes, (ULONG)count);
}
C

export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine64
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/windows

# A Windows of this checkout's own, for one run at a time. Its server is there from the first test to
# the last: one that is about to end, in a pause between two, takes the next program down with it.
mkdir -p "$CARGO_TARGET_DIR/prefix"
WINEPREFIX=$(realpath "$CARGO_TARGET_DIR/prefix")
export WINEPREFIX WINEDEBUG=-all WINEPATH="Z:$dlls"
exec {lock}>"$WINEPREFIX.lock"
flock "$lock"
# One may be left of a run that was killed; what runs under it keeps no hold of the lock.
wineserver64 -p </dev/null >/dev/null 2>&1 {lock}>&- || true
trap 'wineserver64 -k || true' EXIT

on_windows() {
    local command=$1
    shift
    cargo +nightly "$command" -Zbuild-std --target $target "$@" {lock}>&-
}

if [[ $# -gt 0 ]]; then
    on_windows "$@"
    exit
fi
echo "windows: left out: ${left_out[*]}"
mapfile -t tests < <(tests_but "${left_out[@]}")
on_windows test -p pool --lib -p tests "${tests[@]}"
on_windows test -p pool --doc
on_windows test -p tests-renamed
echo "windows: ok"
