#!/usr/bin/env bash
# Sets up a compiler that has the source of its standard library, so that it can be built from that
# (`-Zbuild-std`): instrumented for sanitizers, or for another target, where rustup cannot fetch
# `rust-src`. It is Debian's `rustc-web`, unpacked into a cache folder and not installed. Takes about
# a minute and 1.2 GB the first time.
#
# usage: eval "$(ci/rust-src.sh)"    sets RUSTC, RUSTDOC and RUSTC_BOOTSTRAP
# needs: apt with Debian 12's archives, a nightly toolchain for the sanitizers' runtimes
set -euo pipefail

# shellcheck source=ci/tools.sh
source "$(dirname "$0")/tools.sh"

cache=$tools/rust-src
target=x86_64-unknown-linux-gnu

if [[ ! -x $cache/bin/rustc ]]; then
    rm -rf "$cache"
    mkdir -p "$cache/deb" "$cache/bin"
    (
        cd "$cache/deb"
        apt-get update -qq >&2
        library=$(apt-cache depends libstd-rust-web-dev | awk '/Depends: libstd-rust-web-[0-9]/ { print $2 }')
        llvm=$(apt-cache depends "$library" | awk '/Depends: libllvm/ { print $2 }')
        apt-get download -qq rustc-web "$library" libstd-rust-web-dev rust-web-src $llvm >&2
        for package in *.deb; do dpkg -x "$package" "$cache"; done
    )
    rm -rf "$cache/deb"
    # The runtimes come from the nightly toolchain: Debian builds none.
    runtimes=$(rustc +nightly --print sysroot)/lib/rustlib/$target/lib
    for sanitizer in asan lsan msan tsan; do
        ln -sf "$runtimes/librustc-nightly_rt.$sanitizer.a" \
            "$cache/usr/lib/rustlib/$target/lib/librustc-stable_rt.$sanitizer.a"
    done
    for tool in rustdoc rustc; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' \
            "$cache/usr/lib/x86_64-linux-gnu" "$cache/usr/bin/$tool" >"$cache/bin/$tool.new"
        chmod +x "$cache/bin/$tool.new"
        mv "$cache/bin/$tool.new" "$cache/bin/$tool"
    done
fi
"$cache/bin/rustc" --version >&2
echo "export RUSTC=$cache/bin/rustc RUSTDOC=$cache/bin/rustdoc RUSTC_BOOTSTRAP=1"
