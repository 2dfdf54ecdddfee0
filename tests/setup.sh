#!/bin/sh
# Installs what building, running and testing need and this machine lacks, or says exactly what to install.
#   tests/setup.sh run    a C linker, the WebAssembly target, a PostgreSQL server unless DATABASE_URL names one
#   tests/setup.sh test   these with the PostgreSQL server, and if they can be had a browser and axe-core for
#                         the browser tests
# Packages are installed only by root or by who may use sudo without a password, and only with apt-get.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:?expected run or test}

say() { echo "setup: $*" >&2; }
stop() {
    say "$*"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}
may_install() {
    has apt-get && { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }
}
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" \
        </dev/null >&2
}
# The package lists are fetched once, and not at all where nothing is missing.
install() {
    say "installing $*"
    [ -n "${lists_fetched:-}" ] || apt_get update
    lists_fetched=yes
    apt_get install --yes --no-install-recommends "$@"
}

need_rust() {
    has cargo || stop "cargo was not found; install Rust with rustup (https://rustup.rs), then open a new shell"
    has cc && return
    may_install || stop "a C linker (cc) was not found; install one: apt-get install gcc libc6-dev, dnf install gcc, pacman -S gcc or xcode-select --install"
    install gcc libc6-dev
}

need_wasm_target() {
    target=wasm32-unknown-unknown
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] && return
    has rustup || stop "the Rust target $target is missing and there is no rustup to add it; install the compiler's standard library for it (Debian: libstd-rust-dev-wasm32)"
    say "adding the Rust target $target"
    rustup target add "$target"
}

# The places that the program itself looks in.
has_postgres() {
    has initdb && has pg_ctl && has postgres && return
    for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin /usr/local/pgsql/bin; do
        [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ -x "$folder/postgres" ] && return
    done
    return 1
}

need_postgres() {
    has_postgres && return
    may_install || stop "a PostgreSQL server (initdb, pg_ctl, postgres) was not found; install it: sudo apt-get install postgresql, sudo dnf install postgresql-server, sudo pacman -S postgresql or brew install postgresql@17; or set DATABASE_URL to a running server"
    # Debian's package would start a system-wide server, which nobody here asked for.
    no_server=/etc/postgresql-common/createcluster.d/hrm-lab.conf
    as_root mkdir -p "$(dirname "$no_server")"
    echo "create_main_cluster = false" | as_root tee "$no_server" >/dev/null
    installed=yes
    install postgresql || installed=no
    as_root rm -f "$no_server"
    [ $installed = yes ] && has_postgres || stop "apt-get could not install postgresql; see above"
}

# Without a browser its tests say so and skip, so this never stops anything.
want_browser() {
    has chromedriver && { has chromium || has chromium-browser || has google-chrome; } && return
    if ! may_install; then
        say "chromium and chromedriver were not found: the browser tests will skip (Debian: sudo apt-get install chromium chromium-driver)"
    elif ! (install chromium chromium-driver); then
        say "apt-get could not install chromium and chromium-driver: the browser tests will skip"
    fi
}

# axe-core judges every page in the browser tests. It is no part of the project (MPL-2.0) and lies in target/ alone.
want_axe() {
    version=4.14.1
    digest=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
    folder=target/axe-core
    echo "$digest  $folder/axe.min.js" | sha256sum --check --status 2>/dev/null && return
    if ! has npm; then
        say "npm was not found: the test of every page with axe-core will skip (Debian: sudo apt-get install npm)"
        return
    fi
    say "fetching axe-core $version"
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && npm pack --silent "axe-core@$version" >/dev/null && tar xzf "axe-core-$version.tgz" \
        --strip-components=1 package/axe.min.js package/LICENSE && rm "axe-core-$version.tgz") ||
        say "npm could not fetch axe-core: the test of every page with it will skip"
    if [ -e "$folder/axe.min.js" ] && ! echo "$digest  $folder/axe.min.js" | sha256sum --check --status; then
        rm -rf "$folder"
        stop "axe-core $version is not the file that it was; nothing of it was kept"
    fi
}

need_rust
need_wasm_target
case $purpose in
run) [ -n "${DATABASE_URL:-}" ] || need_postgres ;;
test)
    need_postgres
    want_browser
    want_axe
    ;;
*) stop "expected run or test, found $purpose" ;;
esac
