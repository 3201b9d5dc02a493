# memory.sh - the largest resident size of a backend that loads many rows, and of one that reads them.
#
# A cluster of its own with 16 MB of shared buffers: the kernel counts shared
# pages that the backend touched as resident too, and so do these figures.  No JIT: LLVM
# alone takes 45 MB.

MEMORY_SECONDS=$((${BENCH_MEMORY_ROWS:-10000000} / 1000))
MEMORY_ROWS=$((MEMORY_SECONDS * 1000))

# peak what limit statement - in a backend of its own; without a limit only a value.
peak() {
    kb=$(sql -c "$3" -c 'SELECT bench.peak_kb()' | tail -n 1)
    value memory "$1" tsdb "$(ratio "$kb" 1024)" MB
    [ -z "$2" ] || goal memory "$1" "$(ratio "$kb" 1024)" '<=' "$2" MB
}

cluster_start memory <<CONF
shared_buffers = 16MB
max_wal_size = 4GB
autovacuum = off
tsdb.maintenance = off
max_parallel_workers_per_gather = 0
jit = off
CONF
sql -d postgres -c "CREATE DATABASE bench"
sql -f "$BENCH/functions.sql"
cp "$BENCH/sensors.pl" "$WORK/home/"
table_make memory_tsdb tsdb
buffer_mb=$(sql -c "SELECT setting::int / 1024 FROM pg_settings WHERE name = 'tsdb.write_buffer'")
peak 'backend that does nothing' '' 'SELECT 1'
peak "backend that loads $MEMORY_ROWS rows in one COPY" $((buffer_mb + 64)) \
    "COPY memory_tsdb FROM PROGRAM 'perl $WORK/home/sensors.pl copy 1000 $MEMORY_SECONDS'"
peak "backend that reads $MEMORY_ROWS rows out of runs" 64 'SELECT count(time), sum(value) FROM memory_tsdb'
peak "backend that compacts $MEMORY_ROWS rows" '' "SELECT tsdb.compact('memory_tsdb')"
peak "backend that reads $MEMORY_ROWS rows out of segments" 64 'SELECT count(time), sum(value) FROM memory_tsdb'
cluster_stop memory
