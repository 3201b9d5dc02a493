# summaries.sh - what questions about years cost: aggregates out of summaries, raw reads, last values.
#
# Tables, all packed and in order of time:
#   one      BENCH_YEARS years of a series at 1 Hz; one_heap: a tenth of it, with a btree on (sensor, time)
#   growth   16 years of a series, a sample a minute
#   fleet    1000 series of BENCH_FLEET_YEARS years, a sample a minute: copies of one of them (tsdb_test.clone_series)
#   lasts    10,000 series of an hour
# Goals are those for 10 years; with fewer the same limits hold, which says less; that of the fleet is in proportion.

YEARS=${BENCH_YEARS:-1}
FLEET_YEARS=${BENCH_FLEET_YEARS:-2}
FLEET_SERIES=${BENCH_FLEET_SERIES:-1000}
REPEATS=${BENCH_REPEATS:-15}
ONE_ROWS=$((YEARS * YEAR_SECONDS))
ROUND_RESULTS=$WORK/summaries.rounds

load_one() {
    sensor_table one 1s
    insert_series one 1 "$ONE_ROWS" 1s
    settle one
    sql -c 'CREATE TABLE one_heap (LIKE one) USING heap' \
        -c "INSERT INTO one_heap SELECT * FROM one WHERE time < timestamptz '$START' + interval '1 s' * $((ONE_ROWS / 10))" \
        -c 'CREATE INDEX ON one_heap (sensor, time)' -c 'VACUUM (ANALYZE) one_heap'
    remark summaries "One series at 1 Hz: $YEARS years, $ONE_ROWS samples; the heap table holds a tenth of it, times are of that tenth, times 10."
}

# is_summarised query - does a node of summaries answer it?
is_summarised() {
    sql -c "EXPLAIN (COSTS OFF) $1" | grep -q TsdbAggregate || miss summaries "$1" 'not answered from summaries'
}

# compare what group limit - an aggregate on both, by this expression.
compare() {
    if [ -n "$2" ]; then
        query="SELECT $2, count(value), avg(value), max(value) FROM TABLE GROUP BY 1"
    else
        query='SELECT count(value), avg(value), max(value) FROM TABLE'
    fi
    is_summarised "$(echo "$query" | sed 's/TABLE/one/')"
    sent=$(timed "$(echo "$query" | sed 's/TABLE/one/')")
    ms=$(executed "$(echo "$query" | sed 's/TABLE/one/')")
    heap=$(REPEATS=1 && timed "$(echo "$query" | sed 's/TABLE/one_heap/')")
    value summaries "one series at 1 Hz, $1" tsdb "$sent" ms
    value summaries "one series at 1 Hz, $1" heap "$(ratio "$heap" 0.1)" ms
    value summaries "one series at 1 Hz, $1, rows not sent" tsdb "$ms" ms
    goal summaries "$YEARS years of one series at 1 Hz, $1, planned and executed" "$ms" '<=' "$3" ms
}

totals() {
    compare total '' 2
    compare 'by day' "date_trunc('day', time, 'UTC')" 5
    compare 'by hour' "date_trunc('hour', time, 'UTC')" 20
    # What any server takes to send so many rows.
    sql -c "CREATE UNLOGGED TABLE hours AS SELECT date_trunc('hour', time, 'UTC'), count(value), avg(value), max(value) FROM one GROUP BY 1" -c 'VACUUM (ANALYZE) hours'
    value summaries 'the hours as rows of a heap table: SELECT *' heap "$(timed 'SELECT * FROM hours')" ms
}

days_of_zones() {
    years=$([ "$YEARS" -lt 3 ] && echo "$YEARS" || echo 3)
    : >"$ROUND_RESULTS"
    for _ in 1 2 3; do
        for zone in UTC Europe/Berlin; do
            query="SELECT date_trunc('day', time, '$zone'), count(value), avg(value) FROM one WHERE time < timestamptz '$START' + interval '$years years' GROUP BY 1"
            echo "$zone $(timed "$query")" >>"$ROUND_RESULTS"
        done
    done
    is_summarised "$query"
    for zone in UTC Europe/Berlin; do
        value summaries "days of $zone over $years years at 1 Hz" tsdb "$(column "$ROUND_RESULTS" $zone 2 | median)" ms
    done
    goal summaries "days of Europe/Berlin over days of UTC, $years years" "$(paired_ratio "$ROUND_RESULTS" Europe/Berlin UTC 2)" '<=' 1.5 ''
}

# One hour of a series, and three days of it to a file and through a cursor; paired rounds.
raw_reads() {
    middle="timestamptz '$START' + interval '1 s' * $((ONE_ROWS / 20 / 3600 * 3600))"
    hour="SELECT time, value FROM TABLE WHERE sensor = 1 AND time >= $middle AND time < $middle + interval '1 hour'"
    export="SELECT * FROM TABLE WHERE sensor = 1 AND time >= $middle AND time < $middle + interval '3 days'"
    against_heap 'raw: one hour of one series, 3600 rows' "$hour"
    against_heap 'raw: 259,200 rows by COPY' "COPY ($export) TO '/dev/null'"
    against_heap 'raw: 259,200 rows by a cursor' "BEGIN \\; DECLARE k CURSOR FOR $export \\; FETCH ALL k \\; COMMIT"
    first=$(timed "BEGIN \\; DECLARE k CURSOR FOR $(echo "$hour" | sed 's/TABLE/one/') \\; FETCH 1 k \\; COMMIT")
    value summaries 'raw: first row of an hour, transaction and planning included' tsdb "$first" ms
    goal summaries 'first row of one hour of one series' "$first" '<=' 1 ms
}

# against_heap what statement
against_heap() {
    : >"$ROUND_RESULTS"
    for _ in 1 2 3; do
        for contender in tsdb heap; do
            table=$([ $contender = tsdb ] && echo one || echo one_heap)
            echo "$contender $(REPEATS=3 && timed "$(printf '%s' "$2" | sed "s/TABLE/$table/")" 'max_parallel_workers_per_gather = 0')" >>"$ROUND_RESULTS"
        done
    done
    for contender in tsdb heap; do
        value summaries "$1" $contender "$(column "$ROUND_RESULTS" $contender 2 | median)" ms
    done
    goal summaries "$1, over heap clustered by series and time" "$(paired_ratio "$ROUND_RESULTS" tsdb heap 2)" '<=' 1 ''
}

# A condition that no summary decides: every value is decoded and compared, on one core.
decoding() {
    query='SELECT count(value), sum(value) FROM one WHERE value > 20.005'
    is_summarised "$query"
    ms=$(timed "$query" 'max_parallel_workers_per_gather = 0')
    speed=$(ratio "$(ratio "$ONE_ROWS" 1000)" "$ms")
    value summaries 'aggregate over all values that meet a condition, one core' tsdb "$speed" 'million samples/s'
    goal summaries 'aggregate bound by decoding, one core' "$speed" '>=' 300 'million samples/s'
}

# An edit in every hundredth hour, in runs: nearly all of the table is summarised still.
overwritten() {
    sql -c "INSERT INTO one SELECT timestamptz '$START' + i * interval '1 s', 1, 17 FROM generate_series(1800, $((ONE_ROWS - 1)), 360000) i"
    ms=$(timed 'SELECT count(value), avg(value), max(value) FROM one')
    value summaries 'one series at 1 Hz, total, a sample of 1 % of the blocks overwritten, not compacted' tsdb "$ms" ms
    goal summaries "$YEARS years of one series at 1 Hz, total, 1 % of the blocks overwritten" "$ms" '<=' 20 ms
    settle one
}

# The answer has one row, or 12 a year: its size decides, not that of the data.
growth() {
    sensor_table growth 1min
    insert_series growth 1 $((16 * YEAR_SECONDS / 60)) 1min
    settle growth
    for years in 1 2 4 8 16; do
        range="time < timestamptz '$START' + interval '$years years'"
        value growth 'total' "$years y" "$(timed "SELECT count(value), avg(value), max(value) FROM growth WHERE $range")" ms
        value growth 'by month' "$years y" "$(timed "SELECT date_trunc('month', time, 'UTC'), avg(value) FROM growth WHERE $range GROUP BY 1")" ms
        value growth 'by day' "$years y" "$(timed "SELECT date_trunc('day', time, 'UTC'), avg(value) FROM growth WHERE $range GROUP BY 1")" ms
    done
    remark growth 'Time of an aggregate over the first 1 to 16 years of a series of a sample a minute.'
}

fleet() {
    rows=$((FLEET_YEARS * YEAR_SECONDS / 60))
    sensor_table fleet 1min UNLOGGED
    # Series have ids as soon as they are named, committed or not.
    sql -c BEGIN -c "INSERT INTO fleet SELECT '$START', s, 0 FROM generate_series(1, $FLEET_SERIES) s" -c ROLLBACK
    insert_series fleet "$FLEET_SERIES" "$rows" 1min
    sql -o /dev/null -c "SELECT tsdb.compact('fleet')"
    sql -c 'VACUUM FULL fleet'
    sql -o /dev/null -c "SELECT tsdb_test.clone_series('fleet', $FLEET_SERIES, 1, $((FLEET_SERIES - 1)))"
    sql -c 'ANALYZE fleet'
    remark summaries "The fleet: $FLEET_SERIES series of $FLEET_YEARS years at a sample a minute, $(sql -c "SELECT pg_size_pretty(bench.bytes('fleet'))"); the segments of one were copied."
    : >"$ROUND_RESULTS"
    for zone in UTC Asia/Kathmandu; do
        query="SELECT date_trunc('month', time, '$zone'), count(value), avg(value) FROM fleet GROUP BY 1"
        is_summarised "$query"
        ms=$(timed "$query")
        echo "$zone $ms" >>"$ROUND_RESULTS"
        value summaries "$FLEET_SERIES series x $FLEET_YEARS years at 1 min, months of $zone" tsdb "$ms" ms
    done
    goal summaries "$FLEET_SERIES series x $FLEET_YEARS years at 1 min, by month" "$(column "$ROUND_RESULTS" UTC 2)" '<=' "$((50 * FLEET_YEARS * FLEET_SERIES / 1000))" ms
    goal summaries 'months of Asia/Kathmandu over months of UTC' "$(paired_ratio "$ROUND_RESULTS" Asia/Kathmandu UTC 2)" '<=' 3 ''
}

# last_values - of each of 10,000 series.
last_values() {
    sensor_table lasts 10s
    sql -c "INSERT INTO lasts SELECT timestamptz '$START' + i * interval '10 s', s, $(series_value '(i + s)') FROM generate_series(1, 10000) s, generate_series(0, 359) i"
    settle lasts
    ms=$(timed 'SELECT sensor, tsdb.last(value, time) FROM lasts GROUP BY sensor')
    value summaries 'last value of 10,000 series, tsdb.last()' tsdb "$ms" ms
    goal summaries 'last value of 10,000 series, tsdb.last()' "$ms" '<=' 20 ms
    ms=$(timed 'SELECT DISTINCT ON (sensor) sensor, time, value FROM lasts ORDER BY sensor, time DESC')
    value summaries 'last row of 10,000 series, DISTINCT ON' tsdb "$ms" ms
    goal summaries 'last row of 10,000 series, DISTINCT ON' "$ms" '<=' 20 ms
    value summaries 'SELECT DISTINCT sensor of 10,000' tsdb "$(timed 'SELECT DISTINCT sensor FROM lasts')" ms
}

sql -c 'CREATE EXTENSION IF NOT EXISTS tsdb_test'
load_one
totals
days_of_zones
raw_reads
decoding
overwritten
growth
fleet
last_values
