#!/bin/sh
# Measures what a server of its own answers under load, on loopback: a list of 10,000 runs, all queued and then a hundred
# queued and the others ended, the metrics of a run with 1,000,000 points,
# puzzles at ten times what it can solve, and other requests beside 500 connections whose requests never come whole. Needs
# wrk (Debian: apt-get install wrk), python3, curl and the programs of PostgreSQL. LOAD_SECONDS: length of each part.
# LOAD_WRAP: a command before every command that measures.
set -eu
cd "$(dirname "$0")/.."
hrm=$PWD/target/release/hrm
seconds=${LOAD_SECONDS:-15}

for program in wrk python3 curl psql; do
    command -v $program >/dev/null || { echo "skipped: $program was not found" >&2; exit 0; }
done

work=$(mktemp -d /tmp/hrm-load.XXXXXX)
chmod 755 "$work"
export HRM_DATA_DIR="$work/data"
unset DATABASE_URL
"$hrm" serve --bind 127.0.0.1:0 --no-worker >"$work/said" 2>"$work/log" &
server=$!
trap 'kill $server && wait $server || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
until address=$(sed -n 's/^HRM Lab is ready at \(http[^ ]*[0-9]\).*/\1/p' "$work/said") && [ -n "$address" ]; do
    kill -0 $server || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
done
socket=$(sed -n 5p "$(find "$work/data" -name postmaster.pid | head -n 1)")
sql() { psql --quiet --no-psqlrc --tuples-only --no-align --host "$socket" --username hrm --command "$1" postgres; }
measure() { echo "\$ wrk $*"; ${LOAD_WRAP:-} wrk "$@" | sed -n 's/^ *\(50%\|99%\|Requests\/sec.*\|Non-2xx.*\)/  \1/p'; }

experiment='{"name": "load", "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9]},
  "arch": {"hidden_size": 16, "num_heads": 2, "puzzle_emb_ndim": 16}, "train": {"batch_size": 20}}'
for sweep in $(seq 50); do
    curl -sSf "$address/api/v1/sweeps" -H 'content-type: application/json' -o "$work/sweep" \
        -d "{\"name\": \"load\", \"experiment\": $experiment, \"seeds\": [$(seq -s , $((sweep * 200)) $((sweep * 200 + 199)))]}"
done
run=$(sql "SELECT id FROM runs ORDER BY id LIMIT 1")
sql "UPDATE jobs SET attempt = 1 WHERE id = '$run';
     INSERT INTO run_attempts (run_id, attempt, from_step) VALUES ('$run', 1, 0);
     INSERT INTO metrics (run_id, attempt, step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss, q_continue_loss,
                          sequences_per_second)
     SELECT '$run', 1, step, step * 20, step / 100.0, 0.001, 1 + sin(step / 1000.0) / step, 1, 0, 0, 2000
     FROM generate_series(1, 1000000) AS step;"
sql "VACUUM ANALYZE"
echo "$(sql 'SELECT count(*) FROM runs') runs, $(sql 'SELECT count(*) FROM metrics') points of one"

list() {
    echo; echo "A list of 10,000 runs, $1 of them queued"
    measure -t1 -c1 -d"$seconds" --latency "$address/api/v1/runs?limit=100"
    measure -t1 -c1 -d"$seconds" --latency "$address/api/v1/runs?limit=100&order=name"
    measure -t1 -c16 -d"$seconds" --latency "$address/api/v1/runs?limit=50"
    cursor=
    pages=0
    begun=$(date +%s%N)
    while cursor=$(curl -sSf "$address/api/v1/runs?limit=100${cursor:+&cursor=$cursor}" | sed -n 's/.*"next_cursor":"\([^"]*\)".*/\1/p') &&
        pages=$((pages + 1)) && [ -n "$cursor" ]; do :; done
    echo "$pages pages, one after the other with curl: $((($(date +%s%N) - begun) / 1000000)) ms"
}
list 10,000
sql "UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE id NOT IN (SELECT id FROM jobs ORDER BY id DESC LIMIT 100)"
sql "VACUUM ANALYZE"
list 100

echo; echo "Metrics of a run with 1,000,000 points"
measure -t1 -c1 -d"$seconds" --timeout 30 --latency "$address/api/v1/runs/$run/metrics?points=1500"
measure -t1 -c1 -d"$seconds" --timeout 30 --latency "$address/api/v1/runs/$run/metrics?points=1500&smoothing=0.9"
measure -t1 -c1 -d"$seconds" --timeout 30 --latency "$address/api/v1/runs/$run/metrics?points=1500&after_step=999000"
measure -t1 -c1 -d"$seconds" --timeout 30 --latency "$address/api/v1/runs/$run/metrics?limit=1000&after_step=500000"

echo; echo "Solving"
${LOAD_WRAP:-} python3 tests/load/solve.py "$address" "$seconds"

echo; echo "500 connections whose requests never come whole"
python3 tests/load/hold.py "$address" 500 "$seconds" &
holder=$!
sleep 1
measure -t1 -c4 -d"$((seconds / 2))" --latency "$address/healthz"
measure -t1 -c4 -d"$((seconds / 2))" --latency "$address/api/v1/models"
wait $holder
