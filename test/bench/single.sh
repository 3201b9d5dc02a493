# single.sh - INSERTs of one row that commit themselves; autovacuum and maintenance are at work.

ROUND_RESULTS=$WORK/single.rounds
INSERT_SECONDS=${BENCH_INSERT_SECONDS:-3}

insert_latency() {
    PGOPTIONS="-c synchronous_commit=$2" "$PG_BIN/pgbench" -n -M prepared -T "$INSERT_SECONDS" -f "$WORK/insert_$1.sql" bench 2>&1 |
        sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' | grep . || die "pgbench failed on single_$1"
}

inserts() {
    : >"$ROUND_RESULTS"
    for round in $(seq "$ROUNDS"); do
        for contender in tsdb heap; do
            ms=$(insert_latency $contender "$1")
            echo "$contender $ms" >>"$ROUND_RESULTS"
        done
    done
    for contender in tsdb heap; do
        value single "INSERT of one row, synchronous_commit = $1" $contender "$(ratio "$(column "$ROUND_RESULTS" $contender 2 | median)" 0.001)" us
    done
    goal single "one-row INSERT over heap without an index, synchronous_commit = $1" "$(paired_ratio "$ROUND_RESULTS" tsdb heap 2)" '<=' 1.1 ''
}

for contender in tsdb heap; do
    table_make single_$contender $contender
    echo "\\set value random(0, 100000)
INSERT INTO single_$contender VALUES (clock_timestamp(), 's1', :value / 100.0);" >"$WORK/insert_$contender.sql"
done
sql -c 'DROP TABLE single_tsdb' -c "CREATE TABLE single_tsdb (time timestamptz NOT NULL, series text NOT NULL, value float8)
    USING tsdb WITH (tags = 'series', sample_interval = '1us')"
server_live on
inserts on
inserts off
server_live off
