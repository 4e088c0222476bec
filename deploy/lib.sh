# shellcheck shell=bash
# What the scripts of this folder share: messages, and packages of the distribution. Sourced, never run.

# shellcheck disable=SC2034
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# Installs packages with apt-get, as root or through a sudo that asks nothing. $1 is what is missing.
install_packages() {
    local missing=$1 sudo=()
    shift
    local advice="missing: $missing; install with: sudo apt-get install $*"
    command -v apt-get >/dev/null || fail "missing: $missing, and there is no apt-get here to install it (Debian's packages: $*)"
    if [[ $EUID -ne 0 ]]; then
        sudo -n true 2>/dev/null || fail "$advice"
        sudo=(sudo -n)
    fi
    say "missing: $missing; installing $* with apt-get"
    local log
    log=$(mktemp)
    if ! "${sudo[@]}" bash -c "$(declare -f apt_install); apt_install \"\$@\"" bash "$@" </dev/null >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        fail "apt-get failed (above). $advice"
    fi
    rm -f "$log"
}

# Runs as root. A package that brings a server must not start it: policy-rc.d is how Debian is told so.
apt_install() {
    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    # Another script of the project may be installing a browser.
    local get=(apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=600)
    # The package lists of a fresh machine are absent or old.
    "${get[@]}" "$@" || { apt-get update && "${get[@]}" "$@"; }
}

# Installs what makes Python environments, unless it is there: Debian's Python comes without.
need_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages "Python with venv" python3-venv
}

# Where install_node_tools puts the programs of deploy/node/package.json.
# shellcheck disable=SC2034
node_tools=$project/.dev/node/node_modules/.bin

# Installs the npm packages that deploy/node/package-lock.json pins, unless that was done.
install_node_tools() {
    local where=$project/.dev/node pinned=$project/deploy/node
    command -v npm >/dev/null || install_packages "Node.js with npm" nodejs npm
    mkdir -p "$where"
    # Two that install at the same time would delete each other's files.
    exec {npm_lock}>"$where/lock"
    flock "$npm_lock"
    if cmp --quiet "$pinned/package-lock.json" "$where/installed"; then exec {npm_lock}>&-; return; fi
    say "installing the npm packages of deploy/node into .dev/node"
    cp "$pinned/package.json" "$pinned/package-lock.json" "$where"
    npm ci --prefix "$where" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || fail "npm failed (above)"
    cp "$pinned/package-lock.json" "$where/installed"
    exec {npm_lock}>&-
}
