#!/bin/sh
# Runs the tests that need a GPU on one that this machine's processor stands in for.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
eval "$("$root/model/cuda/toolkit.sh")"
"$root/model/cuda/emulator/build.sh"
cd "$root"
LD_LIBRARY_PATH=$root/target/cuda/emulated \
    cargo test --release --package hrm-model --lib --features nccl -- --ignored --test-threads=1 gpu_ --skip throughput
