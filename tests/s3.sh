#!/bin/sh
# Runs what is kept in a bucket against a server that speaks S3's protocol: moto_server from PATH, or installed into
# target/s3 from PyPI. Says why and ends well where there is neither. The program with the feature `s3` is built into a
# folder of its own, because the feature changes what nearly everything is compiled with.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/target/s3

skip() {
    echo "skipped: $*" >&2
    exit 0
}

moto=$(command -v moto_server || true)
if [ -z "$moto" ]; then
    moto=$folder/venv/bin/moto_server
    if [ ! -x "$moto" ]; then
        command -v python3 >/dev/null || skip "neither moto_server nor python3 was found, so there is no bucket to test with"
        python3 -m venv "$folder/venv" 2>&1 || skip "python3 makes no virtual environment (Debian: apt-get install python3-venv)"
        "$folder/venv/bin/pip" install --quiet 'moto[server]>=5' || skip "moto[server] could not be installed from PyPI"
    fi
fi
"$moto" --help >/dev/null 2>&1 || skip "$moto cannot be started"

cargo build --release --package hrm-api --bin hrm --features s3 --target-dir "$folder"
HRM_MOTO=$moto HRM_PROGRAM=$folder/release/hrm \
    cargo test --release --package it bucket -- --ignored --nocapture --test-threads=1
