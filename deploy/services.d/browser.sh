# shellcheck shell=bash disable=SC2154
# The browser of the browser tests (Debian's Chromium and its driver), and what judges pages in it: axe-core, of npm, kept under
# .dev/tools in the project.

readonly AXE=4.14.1
# The SHA-512 of its archive: what npm calls its integrity, in hexadecimal.
readonly AXE_SHA512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5

# Elsewhere than on Debian the browser may have another name.
browser_program() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

axe_script() { printf '%s/.dev/tools/axe-%s/axe.min.js\n' "$project" "$AXE"; }

# Installs what is missing, and prints where all of it is as KEY=VALUE lines.
browser() {
    local names=() packages=() browser driver
    browser_program >/dev/null || { names+=(Chromium) && packages+=(chromium fonts-liberation); }
    command -v chromedriver >/dev/null || { names+=("its driver") && packages+=(chromium-driver); }
    if ((${#packages[@]} > 0)); then install_packages "${names[*]}" "${packages[@]}"; fi
    browser=$(browser_program) || fail "Chromium is installed, and its program is not found"
    driver=$(command -v chromedriver) || fail "Chromium's driver is installed, and chromedriver is not found"
    install_axe
    printf 'BROWSER=%s\nCHROMEDRIVER=%s\nAXE=%s\n' "$browser" "$driver" "$(axe_script)"
}

# Several may begin at once, each in a directory of its own: the first one wins.
install_axe() {
    local script work
    script=$(axe_script)
    if [[ -s $script ]]; then return; fi
    command -v npm >/dev/null || install_packages npm npm
    say "missing: axe-core $AXE; downloading it with npm"
    mkdir -p "$project/.dev/tools"
    work=$(mktemp -d "$project/.dev/tools/axe-XXXXXXXX")
    if ! fetch_axe "$work"; then
        rm -rf "$work"
        fail "axe-core could not be installed (above)"
    fi
    mv -T "$work" "${script%/*}" 2>/dev/null || rm -rf "$work"
    [[ -s $script ]] || fail "cannot write $script"
}

# Into the directory $1.
fetch_axe() {
    (cd "$1" && npm pack --loglevel=error --ignore-scripts "axe-core@$AXE" >archive.name) || return 1
    mv "$1"/*.tgz "$1/archive" || return 1
    sha512sum --quiet --check <<<"$AXE_SHA512  $1/archive" || return 1
    tar -xzf "$1/archive" -C "$1" --strip-components=1 --no-same-owner package/axe.min.js package/LICENSE || return 1
    rm "$1/archive" "$1/archive.name"
}
