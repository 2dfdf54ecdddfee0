#!/bin/sh
# Asks a server of its own everything that its OpenAPI document allows, and much that it does not, and checks every answer
# against the document; then lists runs, queues one and follows it to its end with a client that is generated from it.
# schemathesis and openapi-python-client come from PyPI into target/contract. Says why and ends well where they cannot
# be had. CONTRACT_EXAMPLES: cases of an operation in the fuzzing phase; CONTRACT_SEED.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/target/contract
hrm=$PWD/target/release/hrm

skip() {
    echo "skipped: $*" >&2
    exit 0
}

if [ ! -x "$folder/venv/bin/schemathesis" ] || [ ! -x "$folder/venv/bin/openapi-python-client" ]; then
    command -v python3 >/dev/null || skip "python3 was not found, which schemathesis needs"
    python3 -m venv "$folder/venv" 2>&1 || skip "python3 makes no virtual environment (Debian: apt-get install python3-venv)"
    "$folder/venv/bin/pip" install --quiet 'schemathesis>=4.32,<5' 'openapi-python-client>=0.29,<0.30' ||
        skip "schemathesis and openapi-python-client could not be installed from PyPI"
fi

work=$(mktemp -d /tmp/hrm-contract.XXXXXX)
chmod 755 "$work"
export HRM_DATA_DIR="$work/data"
unset DATABASE_URL
server=
finish() {
    [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Starts a server with these arguments and sets `address`.
serve() {
    # Or the server before this one would be found there until this one writes.
    : >"$work/said"
    "$hrm" serve --bind 127.0.0.1:0 "$@" >"$work/said" 2>"$folder/server.log" &
    server=$!
    until address=$(sed -n 's/^HRM Lab is ready at \(http[^ ]*[0-9]\).*/\1/p' "$work/said") && [ -n "$address" ]; do
        kill -0 "$server" || { cat "$folder/server.log" >&2; exit 1; }
        sleep 0.2
    done
}

# Nobody has an account yet: a worker, and a client that was made from the document.
serve
"$folder/venv/bin/python" tests/contract/follow.py "$folder" "$address"
kill "$server" && wait "$server" || true

# From here on there are accounts, and nobody works: what is queued stays queued. No file of the internet is fetched. The
# one administrator cannot be kept out, and a browser's session cannot be deleted, so that every request is signed.
HRM_NO_FETCH=yes HRM_RATE_LIMIT=10000000 serve --no-worker
echo "password of root" | "$hrm" user add root --role admin
"$folder/venv/bin/python" tests/contract/ask.py "$folder" "$address"
