# density.sh - series of any density on any grid, and the real series of TSDB_DATA.

# walk_make series samples - table walk (series, i, value): random walks with two decimals.
walk_make() {
    sql -o /dev/null <<SQL
DROP TABLE IF EXISTS walk;
SELECT setseed(0.4711);
CREATE TABLE walk AS
    SELECT 's' || s AS series, i, (2000 + sum(floor(random() * 5) - 2) OVER (PARTITION BY s ORDER BY i)) / 100 AS value
    FROM generate_series(1, $1) s, generate_series(0, $2 - 1) i;
SQL
    WALK_ROWS=$(($1 * $2))
}

# walk_bytes grid time - size of the walk in a tsdb table of that grid, after compaction and
# again after VACUUM FULL; "time" is an expression of i.
walk_bytes() {
    sql -c 'DROP TABLE IF EXISTS dense' \
        -c "CREATE TABLE dense (time timestamptz NOT NULL, series text NOT NULL, value float8) USING tsdb WITH (tags = 'series', sample_interval = '$1')"
    sql -c "SELECT setseed(0.5)" -c "INSERT INTO dense SELECT timestamptz '2024-01-01 00:00:00+00' + $2, series, value FROM walk ORDER BY i, series" >/dev/null
    table_settle dense tsdb
    [ "$(sql -c 'SELECT count(*) FROM dense')" = "$WALK_ROWS" ] || miss density "grid $1, time $2" 'rows were lost'
    sql -c "SELECT bench.bytes('dense')" -c 'VACUUM FULL dense' -c "SELECT bench.bytes('dense')" | tr '\n' ' '
}

# density what bytes rewritten_bytes
density() {
    value density "$1" tsdb "$(ratio "$2" "$WALK_ROWS")" bytes/row
    value density "$1" rewritten "$(ratio "$3" "$WALK_ROWS")" bytes/row
}

ten_seconds() {
    walk_make 20 86400
    coarse=$(walk_bytes 10s "i * interval '10 s'")
    fine=$(walk_bytes 1us "i * interval '10 s'")
    jittered=$(walk_bytes 1us "i * interval '10 s' + (floor(random() * 10001) - 5000) * interval '1 us'")
    # shellcheck disable=SC2086
    {
        density 'a sample every 10 s on a grid of 10 s' $coarse
        density 'a sample every 10 s on a grid of 1 us' $fine
        density 'the same with a jitter of 5 ms' $jittered
    }
    coarse=${coarse%% *} fine=${fine%% *} jittered=${jittered%% *}
    goal density 'size of 10 s data on a grid of 1 us over that on 10 s' "$(ratio "$fine" "$coarse")" '<=' 1.3 ''
    goal density 'cost of a jitter of 5 ms' "$(ratio $(((jittered - fine) * 8)) "$WALK_ROWS")" '<=' 20 bits/sample
}

hourly() {
    walk_make 100 17520
    bytes=$(walk_bytes 1s "i * interval '1 hour'")
    # shellcheck disable=SC2086
    density 'a sample an hour, two years, on a grid of 1 s' $bytes
    goal density 'a sample an hour' "$(ratio "${bytes%% *}" "$WALK_ROWS")" '<=' 4 bytes/sample
}

# The same rows as heap, read back and compared.
kilohertz() {
    walk_make 1 3600000
    # shellcheck disable=SC2046
    density '1 kHz for an hour on a grid of 1 ms' $(walk_bytes 1ms "i * interval '1 ms'")
    value density 'full scan of it' tsdb "$(ratio "$(ratio "$(timed_query 'SELECT count(time), sum(value) FROM dense')" 0.000001)" "$WALK_ROWS")" ns/row
    goal density '1 kHz for an hour: rows that differ from what was loaded' "$(sql -c "
        SELECT count(*) FROM walk FULL JOIN (SELECT *, (extract(epoch FROM time - '2024-01-01 00:00:00+00') * 1000)::int AS i FROM dense) d USING (i)
        WHERE (walk.series, walk.value) IS DISTINCT FROM (d.series, d.value)")" '<=' 0 rows
}

# real_bytes file - "bytes rewritten_bytes distinct_values", bytes per sample of one real series; copies of it under other
# tags make up for the few pages that every table has: of 400000 rows they are still 0.13 to 0.2 bytes a sample.
real_bytes() {
    cp "$1" "$WORK/home/real.csv"
    sql -o /dev/null <<SQL
DROP TABLE IF EXISTS real_source, real_tsdb;
CREATE TABLE real_source (epoch float8, value float8);
COPY real_source FROM '$WORK/home/real.csv' (FORMAT csv, HEADER);
CREATE TABLE real_tsdb (time timestamptz NOT NULL, series text NOT NULL, value float8) USING tsdb WITH (tags = 'series', sample_interval = '1s');
INSERT INTO real_tsdb SELECT to_timestamp(epoch), 's' || s, value
    FROM real_source, generate_series(1, (SELECT 1 + ${BENCH_REAL_ROWS:-4000000} / count(*) FROM real_source)) s ORDER BY epoch, s;
SQL
    table_settle real_tsdb tsdb
    sql -c "SELECT bench.bytes('real_tsdb')::float8 / (SELECT count(*) FROM real_tsdb)" -c 'VACUUM FULL real_tsdb' \
        -c "SELECT bench.bytes('real_tsdb')::float8 / (SELECT count(*) FROM real_tsdb), (SELECT count(DISTINCT value) FROM real_source)" | tr '\n' ' '
}

real_series() {
    if [ ! -d "${TSDB_DATA:-}" ]; then
        miss real 'geometric mean over real series' 'TSDB_DATA names no folder of CSV files'
        return
    fi
    : >"$WORK/real.sizes"
    for file in "$TSDB_DATA"/*.csv; do
        # shellcheck disable=SC2046
        set -- $(real_bytes "$file")
        value real "$(basename "$file" .csv)" tsdb "$1" bytes/sample
        value real "$(basename "$file" .csv)" rewritten "$2" bytes/sample
        # A series of two states is no numeric one.
        [ "$3" -le 2 ] || echo "sizes $1 $2" >>"$WORK/real.sizes"
    done
    value real 'geometric mean of the numeric ones' tsdb "$(column "$WORK/real.sizes" sizes 2 | geometric_mean)" bytes/sample
    value real 'geometric mean of the numeric ones' rewritten "$(column "$WORK/real.sizes" sizes 3 | geometric_mean)" bytes/sample
    goal real 'geometric mean over the real numeric series, everything included' "$(column "$WORK/real.sizes" sizes 2 | geometric_mean)" '<=' 1.2 bytes/sample
}

ten_seconds
hourly
kilohertz
real_series
sql -c 'DROP TABLE IF EXISTS walk, dense, real_source, real_tsdb'
