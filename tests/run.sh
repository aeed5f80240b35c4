#!/usr/bin/env bash
# tests/run.sh [rust|clients]: all tests, or one half of them, with everything they need: packages, a PostgreSQL of their
# own, the client libraries. `make test` is this. It stops at the first half that fails; the last lines are the runner's.
set -euo pipefail
cd "$(dirname "$0")/.."

half=${1:-all}
case $half in all | rust | clients) ;; *) sed -n '2,3s/^# //p' "$0" >&2; exit 2 ;; esac

step() {
    local name=$1 began=$SECONDS code=0
    shift
    printf '\n==> %s\n' "$name"
    "$@" || code=$?
    printf '<== %s: %s, %d s\n' "$name" "$([ "$code" -eq 0 ] && echo 'done' || echo FAILED)" $((SECONDS - began))
    return "$code"
}

# `step` asks for the outcome of these, and bash then no longer stops at the first failure inside: hence the `&&`.

rust_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        # The second is what nextest leaves out.
        cargo nextest run --workspace --no-fail-fast && cargo test --workspace --doc --quiet
    else
        cargo test --workspace --no-fail-fast
    fi
}

# python_libraries VENV LIST: the libraries of a list in an environment of their own, made again when the list changes.
python_libraries() {
    if ! cmp -s "$2" "$1/requirements.txt"; then
        rm -rf "$1" &&
            python3 -m venv "$1" &&
            "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" &&
            cp "$2" "$1/requirements.txt"
    fi
}

# Likewise for Node.js. The copy of the list is the last thing to be there.
node_libraries() {
    local list=tests/clients/node/package-lock.json there=.tools/node
    if ! cmp -s "$list" "$there/installed.json"; then
        rm -rf "$there" &&
            mkdir -p "$there" &&
            cp tests/clients/node/package.json "$list" "$there" &&
            npm ci --prefix "$there" --ignore-scripts --no-audit --no-fund --silent &&
            cp "$list" "$there/installed.json"
    fi
}

client_libraries() {
    python_libraries .tools/venv tests/clients/requirements.txt &&
        python_libraries .tools/venv-asana-0 tests/clients/requirements-asana-0.txt &&
        python_libraries .tools/venv-s3 tests/clients/requirements-s3.txt &&
        node_libraries
}

packages=(build-essential postgresql)
[ "$half" = clients ] || packages+=(strace)
[ "$half" = rust ] || packages+=(python3-venv nodejs npm)
tests/need.sh "${packages[@]}"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/vinyasa-test.XXXXXX")
trap 'tests/postgres.sh stop "$scratch/postgres"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 755 "$scratch"
TEST_POSTGRES_URL=$(tests/postgres.sh start "$scratch/postgres")
export TEST_POSTGRES_URL

if [ "$half" != clients ]; then
    step 'Rust tests' rust_tests
fi
if [ "$half" != rust ]; then
    step 'client libraries' client_libraries
    step 'the binary that the clients talk to' cargo build --package server --bin vinyasa
    export VINYASA_BIN=${CARGO_TARGET_DIR:-target}/debug/vinyasa
    step 'the older client for Python' .tools/venv-asana-0/bin/python -m pytest tests/clients/test_python_asana_0.py
    step 'attached files in a bucket' .tools/venv-s3/bin/python -m pytest tests/clients/test_files_s3.py
    # Not a step: the runner's own summary ends the run.
    printf '\n==> clients\n'
    .tools/venv/bin/python -m pytest tests/clients --ignore tests/clients/test_python_asana_0.py \
        --ignore tests/clients/test_files_s3.py
fi
