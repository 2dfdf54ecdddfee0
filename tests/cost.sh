#!/bin/sh
# What a training step costs at every size: seconds per step and, in brackets, milliseconds per sequence, as a table over
# tokens (COST_TOKENS) and sequences (COST_BATCHES). Arguments go to `hrm bench train`.
set -eu
cd "$(dirname "$0")/.."
tokens=${COST_TOKENS:-81 225 400 900} batches=${COST_BATCHES:-1 4 16 32 64 128}
[ $# -gt 0 ] || set -- --hidden-size 128 --heads 4 --layers 2 --dtype f32

row="| tokens" line="|---"
for batch in $batches; do row="$row | batch $batch" line="$line|---"; done
printf '%s |\n%s|\n' "$row" "$line"
for count in $tokens; do
    printf '| %s' "$count"
    for batch in $batches; do
        seconds=$(target/release/hrm bench train "$@" --tokens "$count" --batch "$batch" --seconds 2 --json |
            sed -n 's/.*"seconds_per_step": *\([0-9.e-]*\).*/\1/p')
        [ -n "$seconds" ] || exit 1
        awk -v s="$seconds" -v b="$batch" 'BEGIN { printf " | %.3g (%.3g)", s, 1e3 * s / b }'
    done
    printf ' |\n'
done
