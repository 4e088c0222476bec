# shellcheck shell=bash disable=SC2154
# Starting, recognising and ending server processes.
#
# A server is recognised by its name and its working directory, both read from /proc. There are no pid files that could
# be stale, and nothing that was not started from the same directory is ever signalled.

# Runs a command as $1 with a clean environment; a foreign RABBITMQ_* or PG* variable would lead elsewhere.
as() {
    local account=$1
    shift
    local clean=(env -i "PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" LC_ALL=C.UTF-8 "HOME=${home:-/}")
    if [[ $EUID -eq 0 && $account != root ]]; then
        exec_as=(setpriv "--reuid=$account" "--regid=$(id -g "$account")" --init-groups "${clean[@]}")
    else
        exec_as=("${clean[@]}")
    fi
    "${exec_as[@]}" "$@"
}

# Starts a server in $home, out of reach of this terminal's signals and without our lock, its output in log file $1.
launch() {
    local log=$1
    shift
    (
        cd "$home"
        exec {lock}>&- </dev/null >>"$log" 2>&1
        as "$user" true # Sets exec_as.
        exec setsid "${exec_as[@]}" "$@"
    ) &
}

# The process ids whose name begins with $1 and whose working directory is $2. Asked as $user: in a container, root may
# not read another user's links under /proc.
processes() {
    local process directory name
    while read -r process directory; do
        name=$(cat "$process/comm" 2>/dev/null) || continue
        if [[ $name == "$1"* && $directory == "$2" ]]; then printf '%s\n' "${process#/proc/}"; fi
    done < <(as "$user" find /proc -mindepth 2 -maxdepth 2 -name cwd -printf '%h %l\n' 2>/dev/null || true)
}

# Ends the processes that `processes $1 $2` finds: signal $3 to those in $4, then, at the deadline, SIGKILL to all.
end_processes() {
    local name=$1 directory=$2 signal=$3 deadline=$((SECONDS + STOP_DEADLINE_SECONDS)) found
    # shellcheck disable=SC2086
    kill -s "$signal" $4 2>/dev/null || true
    while found=$(processes "$name" "$directory") && [[ -n $found ]]; do
        if ((SECONDS >= deadline)); then
            say "$name does not stop within $STOP_DEADLINE_SECONDS s: killing it"
            # shellcheck disable=SC2086
            kill -KILL $found 2>/dev/null || true
            deadline=$((SECONDS + STOP_DEADLINE_SECONDS))
        fi
        sleep 0.1
    done
    # A process gives up its directory a moment before it is gone altogether.
    local process
    for process in $4; do timeout 2 tail -s 0.1 -f /dev/null --pid "$process" || true; done
}

# Waits until `$1_ready` holds. Fails at the deadline, or as soon as the server is gone, with the end of its log $2.
await_ready() {
    local deadline=$((SECONDS + START_DEADLINE_SECONDS)) why=
    until "$1_ready"; do
        if ! kill -0 "$3" 2>/dev/null; then why="ended while it was starting"; fi
        if ((SECONDS >= deadline)); then why="was not ready within $START_DEADLINE_SECONDS s"; fi
        if [[ -n $why ]]; then
            say "--- the end of $2"
            tail -n 20 "$2" >&2 || true
            fail "$1 $why"
        fi
        sleep 0.1
    done
}

now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }
seconds_since() { printf '%d.%d s' $((($(now) - $1) / 1000000)) $((($(now) - $1) / 100000 % 10)); }
