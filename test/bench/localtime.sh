# localtime.sh - days and hours of local time beside those of UTC, and beside heap.
#
# Tables; the series of each are copies of one (tsdb_test.clone_series), each in its own time zone:
#   local_fleet   BENCH_LOCAL_SERIES series in 40 zones, BENCH_LOCAL_YEARS years at a sample a minute
#   local_twin    heap: the first tenth of those series, with local_zone (sensor, zone) beside it
#   local_second  100 series at 1 Hz for 30 days in two zones; local_source: heap, one of them

LOCAL_SERIES=${BENCH_LOCAL_SERIES:-1000}
LOCAL_YEARS=${BENCH_LOCAL_YEARS:-1}
REPEATS=${BENCH_REPEATS:-15}
ROUND_RESULTS=$WORK/localtime.rounds
ZONES="Pacific/Honolulu America/Anchorage America/Los_Angeles America/Denver America/Chicago America/New_York America/St_Johns America/Caracas
    America/Santiago America/Asuncion America/Sao_Paulo America/Havana America/Bogota Atlantic/Azores Africa/Lagos Africa/Cairo Africa/Johannesburg Africa/Casablanca
    Europe/London Europe/Lisbon Europe/Berlin Europe/Madrid Europe/Athens Europe/Istanbul Europe/Moscow Asia/Beirut Asia/Tehran Asia/Dubai Asia/Kabul
    Asia/Karachi Asia/Kolkata Asia/Kathmandu Asia/Yangon Asia/Shanghai Asia/Tokyo Australia/Adelaide Australia/Sydney Australia/Lord_Howe Pacific/Auckland Pacific/Chatham"

# copies_make table series rows step - a table of copies of its last series.
copies_make() {
    sensor_table "$1" "$4" UNLOGGED
    # Series have ids as soon as they are named, committed or not.
    sql -c BEGIN -c "INSERT INTO $1 SELECT '$START', s, 0 FROM generate_series(1, $2) s" -c ROLLBACK
    insert_series "$1" "$2" "$3" "$4"
    sql -o /dev/null -c "SELECT tsdb.compact('$1')"
    sql -c "VACUUM FULL $1"
    sql -o /dev/null -c "SELECT tsdb_test.clone_series('$1', $2, 1, $(($2 - 1)))"
    sql -c "ANALYZE $1"
}

# zones_set table series zone... - the zones in turn, as attributes of the series and as rows of local_zone.
zones_set() {
    table=$1 series=$2
    shift 2
    sql -o /dev/null -c 'DROP TABLE IF EXISTS local_zone' \
        -c "CREATE TABLE local_zone AS SELECT s AS sensor, (string_to_array('$*', ' '))[1 + s % $#] AS zone FROM generate_series(1, $series) s" -c 'ANALYZE local_zone' \
        -c "SELECT tsdb.set_series('$table', jsonb_build_object('sensor', sensor), timezone => zone) FROM local_zone"
}

# twin_make - that all series have the same values does not help a sequential scan.
twin_make() {
    sql -c 'CREATE UNLOGGED TABLE local_twin (time timestamptz NOT NULL, sensor int4 NOT NULL, value float8) USING heap' \
        -c "INSERT INTO local_twin SELECT time, s, value FROM generate_series(1, $TENTH) s, local_fleet WHERE sensor = $LOCAL_SERIES" -c 'ANALYZE local_twin'
}

# differences query query - rows that only one of them has.
differences() {
    sql -c "WITH a AS MATERIALIZED ($1), b AS MATERIALIZED ($2) SELECT count(*) FROM ((TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a)) x"
}

# Values have two decimals: rounded to those, averages times numbers are equal in whatever order floats were added up.
RESULT='count(value), round((avg(value) * count(value))::numeric, 2) AS sum, min(value), max(value)'

days() {
    : >"$ROUND_RESULTS"
    local="SELECT tsdb.local_bucket('1 day', b) AS day, count(value), avg(value) FROM local_fleet b GROUP BY 1"
    utc="SELECT tsdb.time_bucket('1 day', time) AS day, count(value), avg(value) FROM local_fleet b GROUP BY 1"
    for _ in 1 2 3; do
        echo "local $(REPEATS=3 && executed "$local")" >>"$ROUND_RESULTS"
        echo "utc $(REPEATS=3 && executed "$utc")" >>"$ROUND_RESULTS"
    done
    what="$LOCAL_SERIES series x $LOCAL_YEARS years at 1 min"
    value localtime "$what, local days in 40 zones" tsdb "$(column "$ROUND_RESULTS" local 2 | median)" ms
    value localtime "$what, days of UTC" tsdb "$(column "$ROUND_RESULTS" utc 2 | median)" ms
    goal localtime "$what: local days in 40 zones over days of UTC" "$(paired_ratio "$ROUND_RESULTS" local utc 2)" '<=' 2 ''
    # 40 series: every zone once.
    goal localtime "$what: local days that differ from the heap twin, one series of each zone" "$(differences \
        "SELECT tsdb.local_bucket('1 day', b) AS day, sensor, $RESULT FROM local_fleet b WHERE sensor <= 40 GROUP BY 1, 2" \
        "SELECT date_trunc('day', time AT TIME ZONE zone) AS day, z.sensor, $RESULT FROM local_twin t, local_zone z WHERE t.sensor = 1 AND z.sensor <= 40 GROUP BY 1, 2")" '<=' 0 ''
}

# six_of_tenth - the heap is asked once, and its answer kept to compare with.
six_of_tenth() {
    query="SELECT sensor, $RESULT FROM local_fleet b WHERE extract(hour FROM tsdb.local_time(b)) = 6"
    sql -o /dev/null -c 'SELECT count(*) FROM local_twin'
    set -- "$(measured "CREATE TABLE local_six AS
        SELECT t.sensor, $RESULT FROM local_twin t JOIN local_zone z ON t.sensor = z.sensor WHERE extract(hour FROM time AT TIME ZONE zone) = 6 GROUP BY 1")"
    heap=${1%% *}
    ms=$(REPEATS=3 && executed "$query AND sensor <= $TENTH GROUP BY 1")
    what="at six in the morning, $TENTH series x $LOCAL_YEARS years at 1 min"
    value localtime "$what" tsdb "$ms" ms
    value localtime "$what" heap "$heap" ms
    value localtime "at six in the morning, $LOCAL_SERIES series x $LOCAL_YEARS years at 1 min" tsdb "$(REPEATS=3 && executed "$query GROUP BY 1")" ms
    goal localtime "$what: heap over tsdb" "$(ratio "$heap" "$ms")" '>=' 10 ''
    goal localtime "$what: series that differ from the heap twin" "$(differences "$query AND sensor <= $TENTH GROUP BY 1" 'SELECT * FROM local_six')" '<=' 0 ''
}

# explained table query - share of the table's blocks that were decoded, and of its pages that a server reads that has none in memory.
explained() {
    blocks=$(sql -c "SELECT count(*) FROM tsdb.blocks('$1')")
    pages=$(sql -c "SELECT bench.bytes('$1') / current_setting('block_size')::int8")
    # With a log of its own: the server would keep the pipe open that this function writes to.
    as_user "$PG_BIN/pg_ctl" -s -w -m fast -D "$WORK/home/bench" -l "$WORK/home/bench.log" restart
    # The first EXPLAIN reads what planning needs.
    sql -c 'SET max_parallel_workers_per_gather = 0' -c "EXPLAIN $2" -c "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) $2" |
        awk -v blocks="$blocks" -v pages="$pages" '
            /Blocks Decoded:/ { decoded += $3 }
            /Buffers:/ && !top++ { if (match($0, /read=[0-9]+/)) read = substr($0, RSTART + 5, RLENGTH - 5) }
            END { print decoded / blocks, read / pages }'
}

# six_of_seconds - by summaries, and with every sample of these hours.
six_of_seconds() {
    condition='extract(hour FROM tsdb.local_time(b)) = 6'
    average="SELECT sensor, $RESULT FROM local_second b WHERE $condition GROUP BY 1"
    samples="SELECT time, sensor, value FROM local_second b WHERE $condition"
    what='at six in the morning, 100 series at 1 s, 30 days, two zones'
    value localtime "average $what" tsdb "$(REPEATS=3 && executed "$average")" ms
    value localtime "every sample $what" tsdb "$(REPEATS=3 && executed "$samples")" ms
    # shellcheck disable=SC2046
    set -- $(explained local_second "$average") $(explained local_second "$samples")
    value localtime "average $what: share of the pages read" tsdb "$2" ''
    value localtime "every sample $what: share of the pages read" tsdb "$4" ''
    goal localtime "average $what: share of the blocks that is decoded" "$1" '<=' 0.05 ''
    goal localtime "average $what: share of the pages that is read" "$2" '<=' 0.05 ''
    goal localtime "every sample $what: share of the blocks that is decoded" "$3" '<=' 0.05 ''
    goal localtime 'at six in the morning, 1 s: series that differ from the heap twin' "$(differences \
        "$average" \
        "SELECT sensor, count, sum, min, max FROM local_zone JOIN (SELECT zone, $RESULT FROM local_source, (SELECT DISTINCT zone FROM local_zone) z WHERE extract(hour FROM time AT TIME ZONE zone) = 6 GROUP BY 1) x USING (zone)")" '<=' 0 ''
}

TENTH=$((LOCAL_SERIES / 10))
sql -c 'CREATE EXTENSION IF NOT EXISTS tsdb_test'
copies_make local_fleet "$LOCAL_SERIES" $((LOCAL_YEARS * YEAR_SECONDS / 60)) 1min
# shellcheck disable=SC2086
zones_set local_fleet "$LOCAL_SERIES" $ZONES
twin_make
days
six_of_tenth
sql -c 'DROP TABLE local_fleet, local_twin, local_six'
copies_make local_second 100 2592000 1s
zones_set local_second 100 America/Santiago Australia/Sydney
sql -c 'CREATE UNLOGGED TABLE local_source USING heap AS SELECT time, value FROM local_second WHERE sensor = 100'
six_of_seconds
sql -c 'DROP TABLE local_second, local_source, local_zone'
remark localtime 'Series are copies of one, each with a time zone of its own. Heap: a sequential scan joined with a table of zones, asked once. Pages read: those of EXPLAIN (BUFFERS) after a restart; a page of 8 kB holds several blocks.'
