# shellcheck shell=bash disable=SC2154
# RabbitMQ: the broker, and an epmd (Erlang's directory of nodes) of its own.

# Prints the start script. Debian's wrapper in /usr/sbin refuses all users but its own and root.
rabbitmq_program() {
    local found=/usr/lib/rabbitmq/bin/rabbitmq-server
    [[ -x $found ]] || found=$(command -v rabbitmq-server) || return 1
    command -v epmd >/dev/null || return 1
    printf '%s\n' "$found"
}

rabbitmq_pid() { locate rabbitmq && processes beam "$home" | grep -m 1 .; }

# Ready when the management interface answers that the AMQP listener is up.
rabbitmq_ready() {
    timeout "$PROBE_TIMEOUT_SECONDS" \
        bash -c "$(declare -f ask_management); ask_management $RABBITMQ_MANAGEMENT_PORT $RABBITMQ_PORT"
}

# The credentials are guest:guest. HTTP by hand, so that nothing else has to be installed.
ask_management() {
    local code
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET /api/health/checks/port-listener/%s HTTP/1.0\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n' "$2" >&3
    read -r -u 3 _ code _ && [[ $code == 200 ]]
}

start_rabbitmq() {
    local pid
    rabbitmq_began=$(now)
    prepare rabbitmq
    if pid=$(rabbitmq_pid); then
        rabbitmq_launched=
        rabbitmq_started=$pid
        return
    fi
    end_processes epmd "$home" TERM "$(processes epmd "$home")"
    local port
    for port in RABBITMQ_PORT RABBITMQ_MANAGEMENT_PORT RABBITMQ_DIST_PORT RABBITMQ_EPMD_PORT; do choose_port "$port"; done
    copy_certificates
    if [[ -d $home/tls ]]; then choose_port RABBITMQ_TLS_PORT; fi
    configure_rabbitmq
    launch_rabbitmq
    rabbitmq_launched=yes
    rabbitmq_started=$!
}

# The second half, so that PostgreSQL can start while the broker boots.
await_rabbitmq() {
    locate rabbitmq
    await_ready rabbitmq "$home/rabbitmq.log" "$rabbitmq_started"
    if [[ -z $rabbitmq_launched ]]; then
        say_unless_quiet "RabbitMQ already runs on 127.0.0.1:$RABBITMQ_PORT"
    else
        say "RabbitMQ $(rabbitmq_version) ready on 127.0.0.1:$RABBITMQ_PORT, management on 127.0.0.1:$RABBITMQ_MANAGEMENT_PORT" \
            "($(seconds_since "$rabbitmq_began"))"
    fi
}

rabbitmq_version() { sed -n 's/.*Starting RabbitMQ \([0-9.]*\).*/\1/p' "$home/rabbitmq.log" | tail -n 1; }

configure_rabbitmq() {
    cat >"$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$RABBITMQ_PORT
management.tcp.ip = 127.0.0.1
management.tcp.port = $RABBITMQ_MANAGEMENT_PORT
# Message rates, which cost the most, are kept by queue and exchange, not by channel; lists are refreshed every 5 s.
management.rates_mode = basic
collect_statistics_interval = 5000
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 50MB
CONF
    if [[ -d $home/tls ]]; then
        cat >>"$home/rabbitmq.conf" <<CONF
listeners.ssl.1 = 127.0.0.1:$RABBITMQ_TLS_PORT
ssl_options.cacertfile = $home/tls/ca.pem
ssl_options.certfile = $home/tls/server.pem
ssl_options.keyfile = $home/tls/server.key
ssl_options.verify = verify_peer
CONF
    fi
    # For a test that needs a broker with other limits.
    if [[ -f $dir/rabbitmq.conf ]]; then cat "$dir/rabbitmq.conf" >>"$home/rabbitmq.conf"; fi
    # The second one is for consumers that share queues by the hash of the aggregate (docs/consumers.md).
    printf '[rabbitmq_management, rabbitmq_consistent_hash_exchange].\n' >"$home/enabled_plugins"
    : >"$home/rabbitmq-env.conf" # Named below so that the machine's own is not read.
}

launch_rabbitmq() {
    local program erlang=() settings=()
    program=$(rabbitmq_program)
    erlang=("ERL_EPMD_PORT=$RABBITMQ_EPMD_PORT" ERL_EPMD_ADDRESS=127.0.0.1 "ERL_CRASH_DUMP=$home/erl_crash.dump")
    settings=(NODENAME=comptoir@localhost "CONF_ENV_FILE=$home/rabbitmq-env.conf" "CONFIG_FILE=$home/rabbitmq.conf"
        "CONFIG_FILES=$home/conf.d" "ADVANCED_CONFIG_FILE=$home/advanced.config" "ENABLED_PLUGINS_FILE=$home/enabled_plugins"
        "MNESIA_BASE=$home/mnesia" "LOG_BASE=$home/log" "LOGS=-" "SCHEMA_DIR=$home/schema" "GENERATED_CONFIG_DIR=$home/config"
        "DIST_PORT=$RABBITMQ_DIST_PORT" "SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"
        ALLOW_INPUT=1) # Makes the start script become the broker instead of staying as its parent.
    launch "$home/epmd.log" epmd -port "$RABBITMQ_EPMD_PORT" -address 127.0.0.1
    launch "$home/rabbitmq.log" env "${erlang[@]}" "${settings[@]/#/RABBITMQ_}" "$program" -noinput +B i
}

# Without our lock: it may run beside a start or a stop of PostgreSQL.
control_rabbitmq() {
    exec {lock}>&-
    rabbitmq_pid >/dev/null || fail "RabbitMQ is not running: deploy/services start"
    cd "$home"
    as "$user" env "ERL_EPMD_PORT=$RABBITMQ_EPMD_PORT" RABBITMQ_NODENAME=comptoir@localhost \
        "RABBITMQ_CONF_ENV_FILE=$home/rabbitmq-env.conf" "$(dirname "$(rabbitmq_program)")/rabbitmqctl" "$@" </dev/null
}

stop_rabbitmq() {
    local pid
    if pid=$(rabbitmq_pid); then
        locate rabbitmq
        end_processes beam "$home" TERM "$pid"
        say "RabbitMQ stopped"
    else
        say "RabbitMQ is not running"
    fi
    if locate rabbitmq; then end_processes epmd "$home" TERM "$(processes epmd "$home")"; fi
}

rabbitmq_env() {
    local pid
    if [[ -n ${AMQP_URL:-} ]]; then
        printf 'AMQP_URL=%s\n' "$AMQP_URL"
        if [[ -n ${RABBITMQ_MANAGEMENT_URL:-} ]]; then printf 'RABBITMQ_MANAGEMENT_URL=%s\n' "$RABBITMQ_MANAGEMENT_URL"; fi
        return
    fi
    pid=$(rabbitmq_pid) || { say "RabbitMQ is not running: deploy/services start"; return 1; }
    printf 'AMQP_URL=amqp://guest:guest@127.0.0.1:%s/%%2f\n' "$RABBITMQ_PORT"
    printf 'RABBITMQ_MANAGEMENT_URL=http://guest:guest@127.0.0.1:%s\n' "$RABBITMQ_MANAGEMENT_PORT"
    printf 'RABBITMQ_PORT=%s\nRABBITMQ_MANAGEMENT_PORT=%s\n' "$RABBITMQ_PORT" "$RABBITMQ_MANAGEMENT_PORT"
    if locate rabbitmq && [[ -d $home/tls ]]; then printf 'RABBITMQ_TLS_PORT=%s\n' "$RABBITMQ_TLS_PORT"; fi
    printf 'RABBITMQ_EPMD_PORT=%s\nRABBITMQ_PID=%s\n' "$RABBITMQ_EPMD_PORT" "$pid"
}
