# amplification.sh - 1000 series x 1 Hz in commits of a second, for an hour: bytes written to files and WAL.
#
# The hour is replayed BENCH_PACE times as fast as the clock (1 = a real hour) and ends
# now, with a checkpoint every 300 seconds of it, maintenance and autovacuum at work.
# Relation bytes are pages handed to the kernel by anybody (functions.sql); WAL
# is the distance of two positions.  Both include what compaction and VACUUM do at the end.

PACE=${BENCH_PACE:-60}
AMP_SERIES=${BENCH_AMP_SERIES:-1000}
AMP_SECONDS=${BENCH_AMP_SECONDS:-3600}
AMP_ROWS=$((AMP_SERIES * AMP_SECONDS))

source_make() {
    as_user sh -c 'perl - copy "$1" "$2" >"$3"' sh "$AMP_SERIES" "$AMP_SECONDS" "$WORK/home/amp.tsv" <"$BENCH/sensors.pl"
    sql -c 'CREATE TABLE amp_source (time timestamptz, series text, value float8)' \
        -c "COPY amp_source FROM '$WORK/home/amp.tsv'" -c 'CREATE INDEX ON amp_source (time)' -c 'VACUUM (FREEZE, ANALYZE) amp_source'
    rm "$WORK/home/amp.tsv"
}

# server_hurry - autovacuum and maintenance look as often in the replay as by default in the hour, or each second.
server_hurry() {
    sql -c "ALTER SYSTEM SET autovacuum_naptime = $((PACE < 60 ? 60 / PACE : 1))" \
        -c "ALTER SYSTEM SET tsdb.maintenance_naptime = $((PACE < 15 ? 15 / PACE : 1))" -c 'SELECT pg_reload_conf()' >/dev/null
}

# others_settle - what other scripts left has no work for autovacuum and maintenance: their writes would be counted too.
others_settle() {
    sql -o /dev/null -c "SELECT tsdb.compact(c.oid::regclass) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'tsdb'" \
        -c 'VACUUM (FREEZE, ANALYZE)' -c CHECKPOINT
}

replay() {
    sql -o /dev/null <<SQL
SELECT set_config('bench.shift', (date_trunc('second', now()) - to_timestamp($EPOCH + $AMP_SECONDS - $AMP_SECONDS / $PACE))::text, false);
DO \$\$
BEGIN
    FOR second IN 0 .. $AMP_SECONDS - 1 LOOP
        INSERT INTO amp_tsdb SELECT time + current_setting('bench.shift')::interval, series, value FROM amp_source WHERE time = to_timestamp($EPOCH + second);
        IF second % 300 = 299 THEN
            CHECKPOINT;
        END IF;
        COMMIT;
        PERFORM pg_sleep(1.0 / $PACE);
    END LOOP;
END
\$\$;
SQL
}

# written - "relation_bytes wal_bytes" so far; the second checkpoint waits for the counters of the first.
written() {
    sql -c CHECKPOINT -c CHECKPOINT
    sql -c "SELECT bench.written_bytes(), pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
}

# amplification what before after
amplification() {
    # shellcheck disable=SC2086
    set -- "$1" $2 $3
    value amplification "relation files written, $1" tsdb "$(ratio $(($4 - $2)) "$AMP_ROWS")" bytes/row
    value amplification "WAL written, $1" tsdb "$(ratio $(($5 - $3)) "$AMP_ROWS")" bytes/row
    relation_bytes=$(($4 - $2))
    wal_bytes=$(($5 - $3))
}

sql -c 'DROP TABLE IF EXISTS amp_source, amp_tsdb'
source_make
table_make amp_tsdb tsdb
others_settle
server_live on
server_hurry
before=$(written)
replay
hour=$(written)
server_live off
table_settle amp_tsdb tsdb
end=$(written)
value amplification 'size after compaction and VACUUM' tsdb "$(ratio "$(sql -c "SELECT bench.bytes('amp_tsdb')")" "$AMP_ROWS")" bytes/row
sql -c 'VACUUM FULL amp_tsdb'
final=$(sql -c "SELECT bench.bytes('amp_tsdb')")
value amplification 'size after VACUUM FULL' tsdb "$(ratio "$final" "$AMP_ROWS")" bytes/row
amplification 'during the hour' "$before" "$hour"
amplification 'with compaction and VACUUM at the end' "$before" "$end"
goal amplification 'relation bytes written over the final size (after VACUUM FULL)' "$(ratio "$relation_bytes" "$final")" '<=' 5 ''
goal amplification 'WAL bytes written over the final size (after VACUUM FULL)' "$(ratio "$wal_bytes" "$final")" '<=' 5 ''
sql -c 'DROP TABLE amp_source'
