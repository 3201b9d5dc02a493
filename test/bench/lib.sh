# Shared by the bench scripts: results, medians, tables with the workload, measured
# statements.  Sourced by test/setup/bench.sh, which has started the
# cluster "bench" and set RESULTS; the scripts run in subshells of it.
#
# A result is one line of RESULTS, fields apart by tabs; report.pl makes the tables of them:
#   value  section  what  contender  number  unit
#   goal   section  text  number  <= or >=  limit  unit
#   miss   section  text  why
#   note   section  text

BENCH=$ROOT/test/bench
SERIES=${BENCH_SERIES:-100}
SECONDS_LONG=${BENCH_SECONDS:-36000}
ROUNDS=${BENCH_ROUNDS:-5}
ROWS=$((SERIES * SECONDS_LONG))
WORKLOAD=$WORK/home/workload

value() {
    printf 'value\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$RESULTS"
    printf '%-14s %-44s %-18s %14.4f %s\n' "$@"
}

# goal section text number op limit unit
goal() {
    printf 'goal\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$RESULTS"
    printf '%-14s goal: %s: %.4g (%s %s %s)\n' "$@"
}

# miss section text why - something that should have been measured and was not.
miss() {
    printf 'miss\t%s\t%s\t%s\n' "$@" >>"$RESULTS"
    printf '%-14s MISSING: %s: %s\n' "$@"
}

remark() {
    printf 'note\t%s\t%s\n' "$@" >>"$RESULTS"
}

sql() {
    PGOPTIONS="-c client_min_messages=warning" "$PG_BIN/psql" -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -d bench "$@"
}

# median - of the numbers on stdin.
median() {
    sort -g | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'
}

# geometric_mean - of the numbers on stdin.
geometric_mean() {
    awk '{ s += log($1) } END { print exp(s / NR) }'
}

# ratio a b - a / b
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 == 0) exit 1; printf "%.6g", a / b }' || die "a measurement is missing: $1 / $2"
}

# column file key n - field n of the lines that begin with key.
column() {
    awk -v key="$2" -v n="$3" '$1 == key { print $n }' "$1"
}

# paired_ratio file a b n - median over the rounds of a's field n over b's, same round.
paired_ratio() {
    awk -v a="$2" -v b="$3" -v n="$4" '$1 == a { x[++i] = $n } $1 == b { y[++j] = $n }
        END { for (k = 1; k <= i && k <= j; k++) print x[k] / y[k] }' "$1" | median
}

# workload_make - sensor rows as $WORKLOAD.tsv (COPY) and $WORKLOAD.line (line protocol), once.
workload_make() {
    [ ! -f "$WORKLOAD.line" ] || return 0
    note "generating $SERIES series x $SECONDS_LONG s = $ROWS rows"
    as_user perl - both "$SERIES" "$SECONDS_LONG" "$WORKLOAD" <"$BENCH/sensors.pl"
}

# table_make name contender
table_make() {
    case $2 in
    tsdb) using="USING tsdb WITH (tags = 'series', sample_interval = '1s')" ;;
    *) using='USING heap' ;;
    esac
    sql -c "DROP TABLE IF EXISTS $1" -c "CREATE TABLE $1 (time timestamptz NOT NULL, series text NOT NULL, value float8) $using"
    case $2 in
    btree) sql -c "CREATE INDEX ON $1 (series, time)" ;;
    brin) sql -c "CREATE INDEX ON $1 USING brin (time)" ;;
    esac
}

# table_settle name contender - what maintenance makes of the table in the end.
table_settle() {
    [ "$2" != tsdb ] || sql -o /dev/null -c "SELECT tsdb.compact('$1')"
    sql -c "VACUUM (ANALYZE) $1"
}

# tables_load - sensor_<contender> for the four PostgreSQL contenders, unless they are there.
tables_load() {
    workload_make
    for contender in tsdb heap btree brin; do
        [ -z "$(sql -c "SELECT to_regclass('sensor_$contender')")" ] || continue
        table_make "sensor_$contender" "$contender"
        sql -c "COPY sensor_$contender FROM '$WORKLOAD.tsv'"
        table_settle "sensor_$contender" "$contender"
    done
}

# measured statement - run it in a session of its own; prints "ms cpu_ms wal_bytes".
measured() {
    sql <<SQL
SELECT bench.cpu_ms() AS cpu, pg_current_wal_insert_lsn() AS lsn, clock_timestamp() AS at \\gset
$1;
SELECT extract(epoch FROM clock_timestamp() - :'at'::timestamptz) * 1000, bench.cpu_ms() - :cpu, pg_current_wal_insert_lsn() - :'lsn'::pg_lsn;
SQL
}

# timed_query query [setting...] - planning and execution in the server, ms.
timed_query() {
    {
        echo "SET max_parallel_workers_per_gather = 0;"
        echo "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) $1;"
    } | sql | awk '/^(Planning|Execution) Time:/ { t += $3 } END { print t }'
}

# peak_kb - what the session of stdin's statements needed at most, shared memory it touched included.
peak_kb() {
    { cat && echo 'SELECT bench.peak_kb();'; } | sql | tail -n 1
}

# The queries that every contender answers; names of the results.
ASK_ALL='count and sum of all rows'
ASK_HOUR='every row of one series in one hour'
ASK_AVERAGES='average of every hour of one series'
ASK_LAST='last value of every series'
ASK_LATEST='last value of one series'
ASK_SERIES=s0042
ASK_FROM='2024-01-01 05:00:00'
ASK_UNTIL='2024-01-01 06:00:00'
EPOCH=1704067200

# server_live on|off [seconds] - autovacuum and maintenance; looking at the tables every so many seconds
# instead of by their defaults, where a workload runs faster than the clock.
server_live() {
    sql -c "ALTER SYSTEM SET autovacuum = $1" -c "ALTER SYSTEM SET tsdb.maintenance = $1" \
        -c "ALTER SYSTEM SET autovacuum_naptime = ${2:-DEFAULT}" -c "ALTER SYSTEM SET tsdb.maintenance_naptime = ${2:-DEFAULT}" -c 'SELECT pg_reload_conf()' >/dev/null
}

# Series of years, for the scripts that need long ones.
START='2014-01-01 00:00:00+00'
YEAR_SECONDS=31557600

# timed statement [setting...] - ms until the client has the answer: the fastest of REPEATS after a first one, in one session.
# What others do on the machine adds to a few ms a lot and never takes away.
timed() {
    statement=$1
    shift
    times=$({
        for setting in "$@"; do echo "SET $setting;"; done
        printf '%s\n' '\timing on'
        for _ in $(seq 0 "$REPEATS"); do printf '%s;\n' "$statement"; done
    } | sql | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p')
    [ "$(echo "$times" | wc -l)" = $((REPEATS + 1)) ] || die "failed: $statement"
    echo "$times" | tail -n +2 | sort -g | head -n 1
}

# executed statement - ms that the server plans and executes, rows not sent: the fastest of REPEATS after a first one.
executed() {
    for _ in $(seq 0 "$REPEATS"); do echo "EXPLAIN (ANALYZE, TIMING OFF) $1;"; done | sql |
        awk '/^Planning Time:/ { planned = $3 } /^Execution Time:/ { if (n++ > 0 && (least == "" || planned + $3 < least)) least = planned + $3 } END { print least }'
}

# series_value i - SQL for value i of a series: two decimals, up and down within every block, so that no summary decides "> 20".
series_value() {
    echo "round(2000 + 500 * sin($1 / 571.0::float8) + 40 * sin($1 * 12.9898::float8)) / 100"
}

# insert_series table key rows step - rows of one series, a statement per 10 million.
insert_series() {
    from=0
    while [ "$from" -lt "$3" ]; do
        until=$((from + 10000000))
        [ $until -lt "$3" ] || until=$3
        sql -c "INSERT INTO $1 SELECT timestamptz '$START' + i * interval '$4', $2, $(series_value i) FROM generate_series($from, $((until - 1))) i"
        from=$until
    done
}

sensor_table() {
    sql -c "CREATE ${3:-} TABLE $1 (time timestamptz NOT NULL, sensor int4 NOT NULL, value float8) USING tsdb WITH (tags = 'sensor', sample_interval = '$2')"
}

settle() {
    sql -o /dev/null -c "SELECT tsdb.compact('$1')"
    sql -c "VACUUM (ANALYZE) $1"
}
