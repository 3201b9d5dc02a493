# Shared by the scripts of this folder: packages, a private server tree, an
# unprivileged user, throwaway clusters.  Sourced by sh with -eu.
#
# Nothing outside of the checkout's build/ and one directory under
# ${TSDB_TMPDIR:-/var/tmp} is written: the extension is installed into a copy
# of the server's binaries there, never into the system's PostgreSQL.

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$ROOT/build
LOGS=$BUILD/log
PG_CONFIG=${PG_CONFIG:-pg_config}
JOBS=${JOBS:-2}
BUILD_PACKAGES='make gcc libc6-dev perl liblz4-dev libmicrohttpd-dev zlib1g-dev'
WORK=
unset PGDATA PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGPASSWORD MAKEFLAGS MFLAGS MAKELEVEL || true
export LC_ALL=C.UTF-8

note() {
    echo "# $*" >&2
}

die() {
    echo "error: $*" >&2
    exit 1
}

is_root() {
    [ "$(id -u)" = 0 ]
}

# packages_install name... - install those that are missing, saying which.
packages_install() {
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    if is_root; then
        sudo=
    elif command -v sudo >/dev/null; then
        sudo=sudo
    else
        die "these packages are missing, and there is no sudo to install them; as root: apt-get install$missing"
    fi
    note "installing from Debian:$missing"
    # Package lists may be absent (fresh image) or stale.
    # shellcheck disable=SC2086
    apt_install $missing 2>/dev/null || { $sudo apt-get -q update && apt_install $missing; } ||
        die "apt-get could not install:$missing"
}

apt_install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@" </dev/null >&2
}

# clients_install - clients of the line protocol server, and InfluxDB as its oracle.  Tests say what they
# leave out for want of one.
clients_install() {
    (packages_install curl netcat-openbsd influxdb-client python3-influxdb) || note "not all clients of the line protocol server can be had"
    command -v influxd >/dev/null && return 0
    # Unpacked, not installed: its package would start a service.
    mkdir "$WORK/influxdb"
    (cd "$WORK/influxdb" && apt-get -q download influxdb && dpkg-deb -x influxdb_*.deb .) >"$LOGS/influxdb.log" 2>&1 ||
        note "InfluxDB, the line protocol server's oracle, can't be had; see build/log/influxdb.log"
    PATH=$PATH:$WORK/influxdb/usr/bin
}

# has_server - does PG_CONFIG belong to a server with its development files?
has_server() {
    pgxs=$("$PG_CONFIG" --pgxs 2>/dev/null) && [ -f "$pgxs" ] && [ -x "$("$PG_CONFIG" --bindir)/postgres" ]
}

# server_install [package...] - make PG_CONFIG usable, and install these packages with it; sets PG_MAJOR.
# All at once, so that somebody who must ask for them asks once.  A PG_CONFIG given by its path is taken as it is.
server_install() {
    if has_server; then
        packages_install $BUILD_PACKAGES "$@"
    else
        case $PG_CONFIG in
        */*) die "no server with development files at $PG_CONFIG" ;;
        esac
        packages_install $BUILD_PACKAGES postgresql postgresql-server-dev-all "$@"
        has_server || die "no server found by $PG_CONFIG after installing Debian's"
    fi
    PG_MAJOR=$(server_major)
}

server_major() {
    "$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
}

# work_open - make WORK, the directory that disappears at exit; servers in it are stopped.
work_open() {
    [ -z "$WORK" ] || return 0
    WORK=$(mktemp -d "${TSDB_TMPDIR:-/var/tmp}/tsdb.XXXXXX")
    trap 'work_close' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    chmod 755 "$WORK"
    mkdir "$WORK/home"
    if is_root; then
        chown nobody "$WORK/home"
    fi
    mkdir -p "$LOGS"
    cd "$WORK"
}

work_close() {
    status=$?
    trap - EXIT
    trap '' INT TERM HUP
    command -v at_exit >/dev/null && at_exit
    for pidfile in "$WORK"/home/*/postmaster.pid "$WORK"/home/*/*/postmaster.pid; do
        [ -f "$pidfile" ] || continue
        as_user "$PG_BIN/pg_ctl" -s -w -m fast -D "$(dirname "$pidfile")" stop >/dev/null 2>&1 || true
    done
    cd /
    if [ -n "${TSDB_KEEP:-}" ]; then
        note "kept $WORK"
    else
        rm -rf "$WORK"
    fi
    exit "$status"
}

# as_user command... - run it without root's rights: PostgreSQL refuses to run as root.
# "nobody" can neither read nor reach a cluster of this machine.
as_user() {
    if is_root; then
        env HOME="$WORK/home" TMPDIR="$WORK/home" setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"
    else
        "$@"
    fi
}

# server_paths - say where server_copy puts things: PG_BIN, SHADOW (objects of
# the extension for this very server); and where pg_regress and friends are: PG_LIBEXEC.
server_paths() {
    PG_BIN=$WORK/pg$("$PG_CONFIG" --bindir)
    PG_LIBEXEC=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/../test" && pwd)
    SHADOW=$BUILD/pg$PG_MAJOR-$({ "$PG_CONFIG" --version && "$PG_CONFIG" --configure; } | cksum | cut -d' ' -f1)
    export PG_BIN WORK
}

# server_copy - build the extension and install it into WORK/pg, a copy of the server.
#
# PostgreSQL finds its files relative to its own binary, so the copy keeps the
# layout: real binaries, links for everything else.
server_copy() {
    bindir=$("$PG_CONFIG" --bindir)
    pkglibdir=$("$PG_CONFIG" --pkglibdir)
    sharedir=$("$PG_CONFIG" --sharedir)
    mkdir -p "$PG_BIN" "$WORK/pg$pkglibdir" "$WORK/pg$sharedir/extension"
    cp "$bindir"/* "$PG_BIN/"
    link_all "$pkglibdir"
    link_all "$sharedir"
    link_all "$sharedir/extension"
    if [ ! -f "$sharedir/extension/pgtap.control" ]; then
        pgtap=/usr/share/postgresql/$PG_MAJOR/extension
        [ ! -f "$pgtap/pgtap.control" ] || ln -s "$pgtap"/pgtap* "$WORK/pg$sharedir/extension/"
    fi
    for dir in "$("$PG_CONFIG" --includedir-server)" "$("$PG_CONFIG" --libdir)"; do
        if [ ! -e "$WORK/pg$dir" ]; then
            mkdir -p "$(dirname "$WORK/pg$dir")"
            ln -s "$dir" "$WORK/pg$dir"
        fi
    done
    extension_build
    make -s -C "$SHADOW" PG_CONFIG="$PG_BIN/pg_config" install >"$LOGS/install.log" 2>&1 || {
        cat "$LOGS/install.log"
        die "make install failed"
    }
    test_extension_install "$WORK/pg$sharedir/extension"
}

# test_extension_install dir - the debug points as an extension "tsdb_test" of the private server only.
test_extension_install() {
    echo "default_version = '1'" >"$1/tsdb_test.control"
    cp "$ROOT/test/setup/debug_points.sql" "$1/tsdb_test--1.sql"
}

# link_all dir - link everything in dir, but no older tsdb, into its twin under WORK/pg.
link_all() {
    for file in "$1"/*; do
        case ${file##*/} in
        tsdb | tsdb.* | tsdb--*) ;;
        *) [ -e "$WORK/pg$file" ] || ln -s "$file" "$WORK/pg$file" ;;
        esac
    done
}

# extension_build - compile for PG_CONFIG in a directory of its own under build/,
# so that servers don't mix their objects.
extension_build() {
    mkdir -p "$SHADOW/sql"
    (cd "$ROOT" && find src -type d) | while read -r dir; do
        mkdir -p "$SHADOW/$dir"
    done
    (cd "$ROOT" && find Makefile tsdb.control sql/tsdb.sql src -name '*.[ch]' -o -name Makefile -o -name tsdb.control -o -name tsdb.sql) | while read -r file; do
        ln -sf "$ROOT/$file" "$SHADOW/$file"
    done
    find "$SHADOW" -xtype l -delete
    make -s -j"$JOBS" -C "$SHADOW" PG_CONFIG="$PG_CONFIG" all >"$LOGS/build.log" 2>&1 || {
        grep -E 'error|warning|\*\*\*|undefined' "$LOGS/build.log" | head -40
        die "the extension does not compile; see build/log/build.log"
    }
    grep -A3 'warning:' "$LOGS/build.log" >&2 || true
}

# cluster_start name - initdb and start WORK/home/name on a unix socket in a folder
# that nobody else can enter; sets PGHOST, PGPORT, PGUSER.  Settings beyond
# test.conf come from stdin; TCP, if they open it, asks for a password.
cluster_start() {
    PGHOST=$WORK/home/$1.socket
    PGPORT=${PGPORT:-5432}
    export PGHOST PGPORT PGUSER=postgres
    as_user mkdir -m 700 "$PGHOST"
    as_user "$PG_BIN/initdb" -D "$WORK/home/$1" -U postgres --auth-local=trust --auth-host=scram-sha-256 -N -E UTF8 --locale=C.UTF-8 >"$LOGS/initdb.log" 2>&1 || {
        cat "$LOGS/initdb.log"
        die "initdb failed"
    }
    {
        cat "$ROOT/test/setup/test.conf" -
        echo "unix_socket_directories = '$PGHOST'"
    } | as_user sh -c 'cat >>"$1"' sh "$WORK/home/$1/postgresql.conf"
    as_user "$PG_BIN/pg_ctl" -s -w -t 120 -D "$WORK/home/$1" -l "$WORK/home/$1.log" start || {
        tail -n 40 "$WORK/home/$1.log"
        die "the server does not start"
    }
}

cluster_stop() {
    as_user "$PG_BIN/pg_ctl" -s -w -m fast -D "$WORK/home/$1" stop
}

# totals stage passed failed - closing line of a verb, or a line in TSDB_COUNTS for the caller's.
totals() {
    if [ -n "${TSDB_COUNTS:-}" ]; then
        echo "$1 $2 $3" >>"$TSDB_COUNTS"
        echo "$1: $2 passed, $3 failed"
    else
        echo "$2 passed, $3 failed"
    fi
    [ "$3" = 0 ]
}
