#!/bin/sh
# Writes .sqlx anew: every query of api/src/store is checked against a PostgreSQL server that has just run the
# migrations of this folder. Needs the programs of a PostgreSQL server; leaves nothing running.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

bin=$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb 2>/dev/null |
    sort -V | tail -n 1)")
[ -x "$bin/initdb" ] || { echo "initdb not found; install a PostgreSQL server (apt-get install postgresql)" >&2; exit 1; }

PATH="$bin:$PATH"
work=$(mktemp -d /tmp/hrm-sqlx.XXXXXX)
chmod 755 "$work"
mkdir "$work/home"
# PostgreSQL refuses root.
if [ "$(id -u)" = 0 ]; then
    account=$(id -un postgres 2>/dev/null || echo nobody)
    chown "$account" "$work/home"
    as_account() { (cd / && setpriv --reuid="$account" --regid="$(id -g "$account")" --clear-groups "$@"); }
else
    as_account() { (cd / && "$@"); }
fi
finish() {
    as_account "$bin/pg_ctl" --pgdata "$work/home/data" --mode immediate --silent stop || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

as_account "$bin/initdb" --pgdata "$work/home/data" --encoding UTF8 --locale C --auth trust --username hrm >/dev/null
as_account "$bin/pg_ctl" --pgdata "$work/home/data" --wait --silent --log "$work/home/log" \
    --options "-c listen_addresses='' -c unix_socket_directories='$work/home' -c fsync=off" start
for migration in "$root"/migrations/*.sql; do
    psql --quiet --no-psqlrc --host "$work/home" --username hrm --set ON_ERROR_STOP=1 --file "$migration" postgres
done

mkdir "$work/sqlx"
# Macros are expanded only when the crate is compiled again.
touch "$root/api/src/lib.rs"
cd "$root"
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$work/sqlx" \
    DATABASE_URL="postgres://hrm@localhost/postgres?host=$work/home" \
    cargo check --release --package hrm-api --all-targets
rm -rf .sqlx
cp -R "$work/sqlx" .sqlx
# The next ordinary build reads what was written here.
touch "$root/api/src/lib.rs"
echo "$(ls .sqlx | wc -l) queries described in .sqlx"
