#!/usr/bin/env bash
# fuzz/run.sh [TARGET...]: runs the fuzzers one after another, each until it has tried RUNS inputs (10 million) or worked
# for SECONDS_EACH (3600), and says how many it tried. What makes one panic is written below fuzz/artifacts/ and ends the run.
#
# Needs a C++ compiler for libFuzzer and no nightly Rust: without a sanitizer the flags are those of the stable compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-10000000}
seconds=${SECONDS_EACH:-3600}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(opt_fields offset body route rich_text)

build=${CARGO_TARGET_DIR:-target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
coverage+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg=fuzzing'
RUSTFLAGS=$coverage cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$build"
cargo build --quiet --package fuzz_targets --example dictionary

for target in "${targets[@]}"; do
    # New inputs that reach new code go here; the committed corpus stays as it is.
    found=$build/corpus/$target
    mkdir -p "$found" "fuzz/artifacts/$target"
    "${CARGO_TARGET_DIR:-target}/debug/examples/dictionary" "$target" >"$build/$target.dict"
    log=$build/$target.log
    code=0
    "$build/$host/release/$target" -runs="$runs" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -dict="$build/$target.dict" -artifact_prefix="fuzz/artifacts/$target/" \
        -print_final_stats=1 "$found" "fuzz/corpus/$target" >"$log" 2>&1 || code=$?
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    # What libFuzzer exits with when a signal ends it.
    if [ "$code" -eq 72 ]; then
        echo "$target: interrupted after ${executed:-?} inputs" >&2
        exit 1
    fi
    if [ "$code" -ne 0 ]; then
        tail -n 40 "$log" >&2
        echo "$target: FAILED after ${executed:-?} inputs; the input is in fuzz/artifacts/$target/" >&2
        exit 1
    fi
    echo "$target: $executed inputs, $rate a second, $(find "$found" -type f | wc -l) that reach something new"
done
