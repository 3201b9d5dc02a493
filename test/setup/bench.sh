#!/bin/sh
# bench.sh - the scripts of test/bench on a private server of the optimised build;
# docs/BENCHMARKS.md is written when all of them ran.
#
# T='ingest queries' runs those scripts only and prints what they found.
# Settings: BENCH_SERIES, BENCH_SECONDS, BENCH_ROUNDS, TSDB_DATA (folder of
# CSVs with real series), and those on top of each script.
set -eu
. "$(dirname "$0")/lib.sh"

SCRIPTS='codecs ingest single amplification queries summaries edits localtime density memory peers lineproto'

at_exit() {
    cp "$WORK/home/bench.log" "$LOGS/bench-server.log" 2>/dev/null || true
}

machine() {
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo)"
}

server_install
work_open
server_paths
cd "$ROOT"
RESULTS=$WORK/results.tsv
{
    printf 'about\tmachine\t%s\n' "$(machine)"
    printf 'about\tcommit\t%s\n' "$(git describe --always --dirty 2>/dev/null || echo unknown)"
    printf 'about\tdate\t%s\n' "$(date -u +%F)"
    printf 'about\tserver\t%s\n' "$("$PG_CONFIG" --version)"
} >"$RESULTS"
cut -f2- "$RESULTS"
server_copy
cluster_start bench <<CONF
fsync = on
shared_buffers = ${BENCH_SHARED_BUFFERS:-1GB}
max_wal_size = 32GB
checkpoint_timeout = 1h
autovacuum = off
tsdb.maintenance = off
max_parallel_maintenance_workers = 0
jit = off
log_min_messages = warning
CONF
. test/bench/lib.sh
sql -d postgres -c "CREATE DATABASE bench"
sql -f test/bench/functions.sql
failed=0
for script in ${T:-$SCRIPTS}; do
    echo
    echo "== $script"
    # Not under "if" or "||", which would turn errexit off inside.
    set +e
    (
        set -e
        . "test/bench/$script.sh"
    )
    status=$?
    set -e
    if [ $status != 0 ]; then
        miss "$script" "the rest of $script.sh" 'the script failed'
        failed=$((failed + 1))
    fi
done
cp "$RESULTS" "$BUILD/bench.tsv"
if [ -z "${T:-}" ]; then
    perl test/bench/report.pl "$BUILD/bench.tsv" "$BUILD/bench-codecs.txt" docs
fi
echo
perl test/bench/report.pl --goals "$BUILD/bench.tsv"
[ $failed = 0 ]
