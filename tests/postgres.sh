#!/usr/bin/env bash
# A PostgreSQL of one's own, for tests: a cluster in a temporary directory, on a free port of the loopback address, owned
# by an unprivileged user, with durable settings, gone afterwards.
#
#   tests/postgres.sh start DIR          makes the cluster in DIR (new or empty) and prints its URL
#   tests/postgres.sh stop DIR           stops it and removes DIR; does nothing when there is none
#   tests/postgres.sh run COMMAND ...    runs COMMAND with TEST_POSTGRES_URL, and cleans up whatever happens
set -euo pipefail

usage() {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}

binaries() {
    local found
    if command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
        dirname "$(command -v initdb)"
        return
    fi
    # Debian keeps them outside PATH, one directory per version: the newest.
    found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1) || true
    [ -n "$found" ] || { echo "no PostgreSQL here; type: apt-get install postgresql" >&2; exit 1; }
    dirname "$found"
}

# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
        return
    fi
    local owner=nobody
    getent passwd postgres >/dev/null && owner=postgres
    (cd / && setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups env HOME=/nonexistent "$@")
}

start() {
    local dir=$1 bin password port attempt
    bin=$(binaries)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    chmod 755 "$dir"
    mkdir "$dir/socket"
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && printf '%s\n' "$password" >"$dir/password")
    if [ "$(id -u)" -eq 0 ]; then
        local owner
        owner=$(as_owner id -u)
        chown -R "$owner" "$dir"
    fi

    # A language's own order where there is one: a query that forgot COLLATE "C" then shows it.
    local order=(--locale=C)
    if "$bin/initdb" --help | grep -q -- --icu-locale; then
        order=(--locale=C --locale-provider=icu --icu-locale=en)
    fi
    if ! as_owner "$bin/initdb" --pgdata="$dir/data" --username=vinyasa --pwfile="$dir/password" \
        --auth=scram-sha-256 --encoding=UTF8 "${order[@]}" --no-sync >"$dir/initdb.log" 2>&1; then
        cat "$dir/initdb.log" >&2
        return 1
    fi
    as_owner tee -a "$dir/data/postgresql.conf" >/dev/null <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/socket'
max_connections = 300
END
    # Below the range that the system hands out; when another takes the port first, the next one.
    for attempt in $(seq 1 20); do
        port=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
        if as_owner "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --options="-p $port" --wait --silent start \
            >/dev/null 2>&1 </dev/null; then
            echo "postgres://vinyasa:$password@127.0.0.1:$port/postgres"
            return
        fi
        grep -q 'Address already in use' "$dir/log" || break
        : >"$dir/log"
    done
    echo "PostgreSQL does not start (attempt $attempt):" >&2
    cat "$dir/log" >&2
    return 1
}

stop() {
    local dir=$1
    [ -d "$dir" ] || return 0
    if [ -f "$dir/data/postmaster.pid" ]; then
        # Nothing in it is wanted any more: no checkpoint, no waiting for clients.
        as_owner "$(binaries)/pg_ctl" --pgdata="$dir/data" --mode=immediate --wait --silent stop >/dev/null || true
    fi
    rm -rf "$dir"
}

run() {
    # Not `exec`: the trap has to outlive the command.
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/vinyasa-postgres.XXXXXX")
    trap 'stop "$scratch"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    local url
    url=$(start "$scratch")
    TEST_POSTGRES_URL=$url "$@"
}

case ${1:-} in
    start | stop) [ $# -eq 2 ] || usage; "$1" "$2" ;;
    run) [ $# -ge 2 ] || usage; shift; run "$@" ;;
    *) usage ;;
esac
