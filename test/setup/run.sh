#!/bin/sh
# run.sh - a throwaway server with tsdb preloaded, live figures of this machine and two
# simulated plants; shows some queries, then psql when there is a terminal.
set -eu
. "$(dirname "$0")/lib.sh"

FEEDER=
at_exit() {
    [ -z "$FEEDER" ] || kill "$FEEDER" 2>/dev/null || true
    [ -z "$FEEDER" ] || wait "$FEEDER" 2>/dev/null || true
    note "stopping the server and removing its data"
}

# port_free - a TCP port of the loopback interface that nobody uses.
port_free() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

# feeder_wait n - until that many samples of one series are there.
feeder_wait() {
    tries=0
    while [ "$(sql -At -c "SELECT count(*) FROM machine WHERE metric = 'load1'")" -lt "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || die "the feeder writes nothing; see build/log/feeder.log"
        kill -0 "$FEEDER" 2>/dev/null || die "the feeder stopped; see build/log/feeder.log"
        sleep 1
    done
}

sql() {
    "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -d demo "$@"
}

server_install
work_open
server_paths
note "building the extension for $("$PG_CONFIG" --version)"
server_copy
PGPORT=$(port_free)
PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
cluster_start demo <<CONF
listen_addresses = '127.0.0.1'
port = $PGPORT
fsync = on
synchronous_commit = off
shared_buffers = 128MB
max_wal_size = 2GB
CONF
"$PG_BIN/psql" -X -q -d postgres -c "ALTER ROLE postgres PASSWORD '$PASSWORD'" -c 'CREATE DATABASE demo'
note "making tables, starting the feeder (this machine's CPU, memory, load, disks, network every second)"
sql -o /dev/null -f "$ROOT/test/demo/tables.sql"
setsid perl "$ROOT/test/demo/feeder.pl" "$PG_BIN/psql" -X -q -d demo >"$LOGS/feeder.log" 2>&1 &
FEEDER=$!
note "simulating 90 days of two plants"
sql -o /dev/null -f "$ROOT/test/demo/plants.sql"
feeder_wait 5

cat <<HERE

The server runs until this command ends.  Connect from another terminal with

    psql 'postgresql://postgres:$PASSWORD@127.0.0.1:$PGPORT/demo'

HERE
sql -P pager=off -f "$ROOT/test/demo/queries.sql"
if [ -t 0 ] && [ -t 1 ]; then
    echo
    echo "Tables: machine (live), boiler, boiler_heap, plant.  \\q ends psql and the server."
    trap : INT
    "$PG_BIN/psql" -d demo || true
fi
