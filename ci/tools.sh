# For the other scripts to source: what they need that may not be installed.

# Where they keep what they fetch and build once.
tools=${POOL_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/pool-tools}

# Installs packages, if that may be done here.
install_packages() {
    if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
        return 1
    fi
    echo "installing $*" >&2
    {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    } >&2
}

# The command $1 is there, or can be installed: $2 and what follows are the packages.
have() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    install_packages "$@" && command -v "$command" >/dev/null
}

# The library $1 is there for pkg-config, or can be installed: $2 is the package.
have_library() {
    pkg-config --exists "$1" || { install_packages "$2" && pkg-config --exists "$1"; }
}

# The test files of the crate `tests` but those named, as cargo's arguments.
tests_but() {
    local file name
    for file in tests/tests/*.rs tests/tests/*/main.rs; do
        name=$(basename "${file%/main.rs}" .rs)
        [[ " $* " == *" $name "* ]] || echo "--test=$name"
    done
}
