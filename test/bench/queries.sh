# queries.sh - the common queries on tsdb and heap; the full scan; one hour out of a year.

REPEATS=${BENCH_REPEATS:-5}
YEAR_SERIES=${BENCH_YEAR_SERIES:-4}
CONTENDERS='tsdb heap btree brin'
ROUND_RESULTS=$WORK/queries.rounds

# timed_client query - ms until the client has all rows, the second time in a session.
timed_client() {
    printf '%s\n' '\timing on' "$1;" "$1;" | sql | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1
}

# ask what query - "TABLE" in the query stands for the contender's table.
ask() {
    : >"$ROUND_RESULTS"
    for round in $(seq "$REPEATS"); do
        for contender in $CONTENDERS; do
            echo "$contender $(timed_client "$(echo "$2" | sed "s/TABLE/sensor_$contender/g")")" >>"$ROUND_RESULTS"
        done
    done
    for contender in $CONTENDERS; do
        value queries "$1" $contender "$(column "$ROUND_RESULTS" $contender 2 | median)" ms
    done
}

ask_common() {
    ask "$ASK_ALL" 'SELECT count(value), sum(value) FROM TABLE'
    ask "$ASK_HOUR" "SELECT * FROM TABLE WHERE series = '$ASK_SERIES' AND time >= '$ASK_FROM' AND time < '$ASK_UNTIL'"
    ask "$ASK_AVERAGES" "SELECT date_trunc('hour', time), avg(value) FROM TABLE WHERE series = '$ASK_SERIES' GROUP BY 1"
    ask "$ASK_LAST" 'SELECT t.* FROM (SELECT series, max(time) AS time FROM TABLE GROUP BY series) l JOIN TABLE t USING (series, time)'
    ask "$ASK_LATEST" "SELECT time, value FROM TABLE WHERE series = '$ASK_SERIES' ORDER BY time DESC LIMIT 1"
    remark queries 'Time until the client has the whole answer; PostgreSQL may use parallel workers; every contender is warm.'
}

# Every row goes through the executor with all of its columns: no push-down, one process.
full_scan() {
    : >"$ROUND_RESULTS"
    for round in $(seq "$REPEATS"); do
        for contender in tsdb heap; do
            echo "$contender $(timed_query "SELECT count(s.time), count(s.series), count(s.value) FROM (SELECT * FROM sensor_$contender OFFSET 0) s")" >>"$ROUND_RESULTS"
        done
    done
    for contender in tsdb heap; do
        value queries 'full scan through the executor, one process' $contender "$(ratio "$(ratio "$(column "$ROUND_RESULTS" $contender 2 | median)" 0.000001)" "$ROWS")" ns/row
    done
    goal queries 'full scan per row over a sequential scan of heap' "$(paired_ratio "$ROUND_RESULTS" tsdb heap 2)" '<=' 1.5 ''
}

# A year of one series at 1 Hz among others at 0.1 Hz.
year_load() {
    [ -z "$(sql -c "SELECT to_regclass('year_tsdb')")" ] || return 0
    table_make year_tsdb tsdb
    for series in $(seq "$YEAR_SERIES"); do
        step=$([ "$series" = 1 ] && echo 1 || echo 10)
        sql -c "INSERT INTO year_tsdb SELECT timestamptz '2023-01-01 00:00:00+00' + i * interval '1 second', 's$series',
            round(5000 + 800 * sin(i / 7000.0::float8) + 6 * sin(i * 12.9898::float8)) / 100 FROM generate_series(0, 365 * 86400 - 1, $step) i"
    done
    table_settle year_tsdb tsdb
}

one_hour_of_a_year() {
    year_load
    query="SELECT * FROM year_tsdb WHERE series = 's1' AND time >= '2023-08-17 13:00:00+00' AND time < '2023-08-17 14:00:00+00'"
    [ "$(sql -c "SELECT count(*) FROM ($query) s")" = 3600 ] || die 'the hour out of a year has not 3600 rows'
    server=$(for round in $(seq "$REPEATS"); do timed_query "$query"; done | median)
    client=$(for round in $(seq "$REPEATS"); do timed_client "$query"; done | median)
    value queries 'one hour (3600 rows) of a year at 1 Hz, planned and executed' tsdb "$server" ms
    value queries 'the same until the client has the rows as text' tsdb "$client" ms
    goal queries 'one series, one hour out of a year, planned and executed' "$server" '<=' 2 ms
}

tables_load
ask_common
full_scan
one_hour_of_a_year
