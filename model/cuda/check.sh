#!/bin/sh
# Builds the tests that need a GPU and runs them: every kernel against the CPU in f64, whole trainings, and a table of
# how fast they are. Fails where there is no GPU.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
if ! nvidia-smi --list-gpus >&2; then
    echo "gpu-check: no GPU was found, because nvidia-smi does not answer: nothing was checked" >&2
    exit 1
fi
eval "$("$root/model/cuda/toolkit.sh")"
cd "$root"
cargo test --release --package hrm-model --lib --features nccl -- --ignored --test-threads=1 gpu_ --skip throughput
cargo test --release --package hrm-model --lib --features nccl -- --ignored --nocapture throughput_of_a_gpu
