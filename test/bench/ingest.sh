# ingest.sh - COPY of the sensor rows: rate, WAL, size; tsdb beside heap, heap + btree, heap + BRIN.

CONTENDERS='tsdb heap btree brin'
ROUND_RESULTS=$WORK/ingest.rounds

copy_rounds() {
    : >"$ROUND_RESULTS"
    for round in $(seq "$ROUNDS"); do
        for contender in $CONTENDERS; do
            table_make "sensor_$contender" "$contender"
            sql -c CHECKPOINT
            echo "$contender $(measured "COPY sensor_$contender FROM '$WORKLOAD.tsv'")" >>"$ROUND_RESULTS"
        done
    done
}

copy_report() {
    for contender in $CONTENDERS; do
        ms=$(column "$ROUND_RESULTS" $contender 2 | median)
        cpu=$(column "$ROUND_RESULTS" $contender 3 | median)
        wal=$(column "$ROUND_RESULTS" $contender 4 | median)
        value ingest 'COPY, rows per second' $contender "$(ratio $((ROWS * 1000)) "$ms")" rows/s
        value ingest 'COPY, processor time of the backend' $contender "$(ratio "$(ratio "$cpu" 0.000001)" "$ROWS")" ns/row
        value ingest 'WAL of the COPY' $contender "$(ratio "$wal" "$ROWS")" bytes/row
    done
    goal ingest 'speed of COPY over heap without an index' "$(paired_ratio "$ROUND_RESULTS" heap tsdb 2)" '>=' 0.9 ''
    goal ingest 'speed of COPY over heap with a btree on (series, time)' "$(paired_ratio "$ROUND_RESULTS" btree tsdb 2)" '>=' 2 ''
    goal ingest 'WAL of the load over that of heap without an index' "$(paired_ratio "$ROUND_RESULTS" tsdb heap 4)" '<=' 0.25 ''
}

size_report() {
    for contender in $CONTENDERS; do
        [ $contender != tsdb ] || settled=$(measured "SELECT tsdb.compact('sensor_tsdb')" | tail -n 1)
        table_settle "sensor_$contender" $contender
        bytes=$(sql -c "SELECT bench.bytes('sensor_$contender')")
        value size 'size on disk, everything included' $contender "$(ratio "$bytes" "$ROWS")" bytes/row
        eval "bytes_$contender=$bytes"
    done
    # shellcheck disable=SC2154
    goal size 'heap with its btree over tsdb, sensor data' "$(ratio "$bytes_btree" "$bytes_tsdb")" '>=' 30 ''
    # shellcheck disable=SC2086
    set -- $settled
    value ingest 'compaction by hand after the load' tsdb "$(ratio "$(ratio "$1" 0.000001)" "$ROWS")" ns/row
    value ingest 'WAL of that compaction' tsdb "$(ratio "$3" "$ROWS")" bytes/row
    settled_full
    goal size 'pages of the storage heap after compaction, per cent full' "$(sql -c "SELECT bench.fill_percent('sensor_tsdb')")" '>=' 95 %
}

# settled_full - a copy rewritten by VACUUM FULL: what the rows need without the holes that maintenance left.
settled_full() {
    table_make sensor_full tsdb
    sql -c "COPY sensor_full FROM '$WORKLOAD.tsv'"
    table_settle sensor_full tsdb
    sql -c 'VACUUM FULL sensor_full'
    value size 'size on disk, everything included' rewritten "$(ratio "$(sql -c "SELECT bench.bytes('sensor_full')")" "$ROWS")" bytes/row
    sql -c 'DROP TABLE sensor_full'
}

workload_make
copy_rounds
copy_report
size_report
