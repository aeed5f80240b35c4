#!/usr/bin/env bash
# tests/soak.sh: what takes too long for every change. Each part says what it has done; the first that fails ends it.
#
#   KILL_ROUNDS=1000      kills of the server under load on a file; a twentieth of it on a database server
#   ORACLE_SEEDS=200      random worlds that the access oracle looks at, on each engine
#   RUNS=10000000         inputs for each fuzzer
#   SECONDS_EACH=3600     seconds that a fuzzer works at most
set -euo pipefail
cd "$(dirname "$0")/.."

export KILL_ROUNDS=${KILL_ROUNDS:-1000} ORACLE_SEEDS=${ORACLE_SEEDS:-200}
tests/need.sh build-essential postgresql strace

part() {
    local name=$1 began=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    "$@"
    printf '<== %s: done, %d s\n' "$name" $((SECONDS - began))
}

part "$KILL_ROUNDS kills" \
    tests/postgres.sh run cargo test --package server --test vinyasa -- --nocapture kill::
part "$ORACLE_SEEDS random worlds" tests/postgres.sh run cargo test --package oracle -- --nocapture
part 'fuzzers' fuzz/run.sh
