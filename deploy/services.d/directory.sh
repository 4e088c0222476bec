# shellcheck shell=bash disable=SC2154
# Where the servers live: DIR/{lock,ports,services.env}, and DIR/servers/{postgres,rabbitmq}, owned by the users that
# run them; PostgreSQL of a given version has DIR/services-18.env and DIR/servers/postgres-18. Ports are chosen once, remembered in DIR/ports, and chosen anew only if somebody else listens there.

open_directory() {
    mkdir -p "$dir" || fail "cannot create $dir"
    dir=$(cd "$dir" && pwd -P)
    choose_version "$version"
    [[ -w $dir ]] || fail "$dir belongs to $(stat -c %U "$dir"): use another --dir, or that user"
    exec {lock}>>"$dir/lock" || fail "cannot write $dir/lock: remove $dir, or use another --dir"
    flock -w "$LOCK_DEADLINE_SECONDS" "$lock" || fail "another deploy/services has held $dir/lock for $LOCK_DEADLINE_SECONDS s"
    servers=$dir/servers
    if [[ -L $servers && $(cat "$servers/owner" 2>/dev/null) != "$dir" ]]; then
        rm "$servers" # Copied together with the project folder: what it points to is the original's.
    fi
    cd / # The servers' users may not be allowed here.
    # shellcheck disable=SC1091
    if [[ -f $dir/ports ]]; then source "$dir/ports"; fi
}

# Sets home, the resolved directory of server $1, and user, who runs it. False if it was never started.
locate() {
    [[ -d $servers/$1 ]] || return 1
    home=$(cd "$servers/$1" && pwd -P)
    user=$(stat -c %U "$home")
}

# Who runs a server named $1 that is new: you, or for root the user that the distribution made for it.
servers_account() {
    local account
    account=$(id -un)
    if [[ $EUID -eq 0 ]]; then
        account=${1%%-*}
        id "$account" >/dev/null 2>&1 || account=nobody
    fi
    printf '%s\n' "$account"
}

# Makes the directory of server $1 if there is none, and sets the same.
prepare() {
    locate "$1" && return
    local account
    account=$(servers_account "$1")
    mkdir -p "$servers"
    if ! as "$account" test -x "$(cd "$servers" && pwd -P)"; then relocate_servers; fi
    mkdir "$servers/$1.new"
    chmod 700 "$servers/$1.new"
    if [[ $EUID -eq 0 ]]; then chown "$account:" "$servers/$1.new"; fi
    mv "$servers/$1.new" "$servers/$1"
    locate "$1"
}

# Certificates for encrypted connections, DIR/tls/{ca,server}.pem and server.key, become the server's own, which insists on
# who may read them. Without that directory connections are not encrypted.
copy_certificates() {
    rm -rf "$home/tls"
    [[ -d $dir/tls ]] || return 0
    mkdir "$home/tls"
    cp "$dir"/tls/* "$home/tls/"
    chmod 600 "$home"/tls/*
    if [[ $EUID -eq 0 ]]; then chown -R "$user:" "$home/tls"; fi
}

# Locales for a test that wants the server to speak another language, DIR/locales/LANGUAGE.UTF-8, become the server's own.
copy_locales() {
    rm -rf "$home/locales"
    [[ -d $dir/locales ]] || return 0
    cp -r "$dir/locales" "$home/locales"
    chmod -R u=rwX,go= "$home/locales"
    if [[ $EUID -eq 0 ]]; then chown -R "$user:" "$home/locales"; fi
}

# The project lies where an unprivileged user may not go (/root, for one): keep the servers outside, and link to them.
relocate_servers() {
    local outside
    outside=$(mktemp -d /var/tmp/comptoir-XXXXXXXX)
    chmod 711 "$outside"
    printf '%s\n' "$dir" >"$outside/owner"
    rmdir "$servers" || fail "$servers cannot be reached by the servers' user; remove it and start again"
    ln -s "$outside" "$servers"
    say "$dir is closed to other users: the servers keep their data in $outside"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Sets the variable named $1 to a free port: the remembered one, or a new one.
choose_port() {
    local port=${!1:-} tries=0
    if [[ -n $port ]] && port_taken "$port"; then
        sleep 1 # A server of ours that was just killed may still be going down.
        if port_taken "$port"; then
            say "port $port was taken by another program: choosing a new one"
            port=
        fi
    fi
    while [[ -z $port ]]; do
        ((++tries <= 200)) || fail "no free port between $FIRST_PORT and $LAST_PORT"
        port=$((FIRST_PORT + SRANDOM % (LAST_PORT - FIRST_PORT)))
        if port_taken "$port" || grep -qs "=$port\$" "$dir/ports"; then port=; fi
    done
    printf -v "$1" %s "$port"
    { grep -vs "^$1=" "$dir/ports" || true; printf '%s=%s\n' "$1" "$port"; } >"$dir/ports.new"
    mv "$dir/ports.new" "$dir/ports"
}
