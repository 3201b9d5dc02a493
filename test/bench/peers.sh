# peers.sh - the same sensor rows in InfluxDB and VictoriaMetrics (Debian) and DuckDB (npm).
#
# Each peer is unpacked below WORK, never installed, listens on the loopback
# interface, keeps its data below WORK and is stopped by its process id.  One
# that cannot be had is reported as missing.

. "$BENCH/peers_lib.sh"

REPEATS=${BENCH_REPEATS:-5}
END=$((EPOCH + SECONDS_LONG))
ASK_FROM_EPOCH=$((EPOCH + 5 * 3600))

load_report() {
    value ingest 'COPY, rows per second' "$1" "$(ratio $((ROWS * 1000)) "$2")" rows/s
    value size 'size on disk, everything included' "$1" "$(ratio "$3" "$ROWS")" bytes/row
}

# load_check contender rows - a peer that lost rows is no peer.
load_check() {
    [ "$2" = "$ROWS" ] || miss peers "$1" "it counts ${2:-no} rows of $ROWS"
}

# answer contender what url
answer() {
    ms=$(http time "$3" "$REPEATS")
    value queries "$2" "$1" "${ms% *}" ms
}

# --- InfluxDB

influx_ask() {
    answer influxdb "$1" "$URL/query?db=bench&epoch=s&q=$(uri "$2")"
}

# Everything out of its log and in one file per shard.
influx_is_packed() {
    [ "$(find "$1/wal" -name '*.wal' -size +0 | wc -l)" = 0 ] || return 1
    [ "$(find "$1/data/bench" -name '*.tsm' -o -name '*.tsm.tmp' | wc -l)" = "$(find "$1/data/bench/autogen" -mindepth 1 -maxdepth 1 -type d | wc -l)" ]
}

influxdb() {
    debian_unpack influxdb || { miss peers InfluxDB 'the Debian package cannot be had'; return 0; }
    dir=$WORK/home/influxdb
    as_user mkdir "$dir"
    PORT=$(port_free)
    URL=http://127.0.0.1:$PORT
    influx_config "$dir" >"$PEERS/influxdb.conf"
    peer_start influxdb "$PEERS/root/usr/bin/influxd" -config "$PEERS/influxdb.conf"
    http wait "$URL/ping"
    http post "$URL/query?q=CREATE+DATABASE+bench"
    ms=$(http load "$URL/write?db=bench&precision=s" 10000 <"$WORKLOAD.line")
    poll 90 influx_is_packed "$dir" || remark size "InfluxDB did not finish its compaction within 90 s."
    load_report influxdb "$ms" "$(size_of "$dir/data" "$dir/wal")"
    load_check InfluxDB "$(http get "$URL/query?db=bench&epoch=s&q=$(uri 'SELECT count(value) FROM sensor')" | sed 's/.*\[\[[0-9]*,\([0-9]*\)\]\].*/\1/')"
    remark ingest "InfluxDB $PACKAGE_VERSION: line protocol over HTTP, 10,000 lines a request, one connection."
    influx_ask "$ASK_ALL" 'SELECT count(value), sum(value) FROM sensor'
    influx_ask "$ASK_HOUR" "SELECT value FROM sensor WHERE \"series\" = '$ASK_SERIES' AND time >= '$ASK_FROM' AND time < '$ASK_UNTIL'"
    influx_ask "$ASK_AVERAGES" "SELECT mean(value) FROM sensor WHERE \"series\" = '$ASK_SERIES' AND time >= ${EPOCH}s AND time < ${END}s GROUP BY time(1h)"
    influx_ask "$ASK_LAST" 'SELECT last(value) FROM sensor GROUP BY "series"'
    influx_ask "$ASK_LATEST" "SELECT last(value) FROM sensor WHERE \"series\" = '$ASK_SERIES'"
    peer_stop
}

# --- VictoriaMetrics

victoria_is_merged() {
    http get "$URL/metrics" | grep -q '^vm_active_force_merges 0'
}

victoria_query() {
    echo "$URL/api/v1/query?nocache=1&time=$((END - 1))&query=$(uri "$1")"
}

victoria() {
    debian_unpack victoria-metrics || { miss peers VictoriaMetrics 'the Debian package cannot be had'; return 0; }
    dir=$WORK/home/victoria
    as_user mkdir "$dir"
    URL=http://127.0.0.1:$(port_free)
    peer_start victoria-metrics "$PEERS/root/usr/bin/victoria-metrics" -storageDataPath="$dir" \
        -httpListenAddr="${URL#http://}" -retentionPeriod=100y -search.disableCache -search.latencyOffset=0
    http wait "$URL/health"
    ms=$(http load "$URL/write?precision=s" 10000 <"$WORKLOAD.line")
    http get "$URL/internal/force_flush"
    http get "$URL/internal/force_merge"
    poll 90 victoria_is_merged || remark size 'VictoriaMetrics did not finish its merge within 90 s.'
    load_report victoria "$ms" "$(size_of "$dir/data" "$dir/indexdb")"
    remark ingest "VictoriaMetrics $PACKAGE_VERSION: as InfluxDB; its parser hands rows to several threads."
    all="sensor_value[${SECONDS_LONG}s]"
    load_check VictoriaMetrics "$(http get "$(victoria_query "sum(count_over_time($all))")" | sed 's/.*"value":\[[0-9]*,"\([0-9]*\)"\].*/\1/')"
    answer victoria "$ASK_ALL" "$(victoria_query "union(alias(sum(count_over_time($all)), \"count\"), alias(sum(sum_over_time($all)), \"sum\"))")"
    answer victoria "$ASK_HOUR" "$URL/api/v1/export?match[]=$(uri "sensor_value{series=\"$ASK_SERIES\"}")&start=$ASK_FROM_EPOCH&end=$((ASK_FROM_EPOCH + 3599))"
    answer victoria "$ASK_AVERAGES" "$URL/api/v1/query_range?nocache=1&step=1h&start=$((EPOCH + 3600))&end=$END&query=$(uri "avg_over_time(sensor_value{series=\"$ASK_SERIES\"}[1h])")"
    answer victoria "$ASK_LAST" "$(victoria_query 'last_over_time(sensor_value[1h])')"
    answer victoria "$ASK_LATEST" "$(victoria_query "last_over_time(sensor_value{series=\"$ASK_SERIES\"}[1h])")"
    peer_stop
}

# --- DuckDB

duckdb_ask() {
    value queries "$1" duckdb "$(duckdb_run time "$REPEATS" "$2")" ms
}

duckdb_run() {
    DUCKDB_HOME=$PEERS/duckdb as_user node "$PEERS/duckdb.mjs" "$WORK/home/sensor.duckdb" "$@"
}

duckdb() {
    command -v npm >/dev/null || (packages_install nodejs npm) || { miss peers DuckDB 'Debian has no npm'; return 0; }
    npm install --cache "$PEERS/npm" --prefix "$PEERS/duckdb" --no-audit --no-fund @duckdb/node-api >"$LOGS/peer-duckdb.log" 2>&1 ||
        { miss peers DuckDB 'the npm package cannot be had'; return 0; }
    cp "$BENCH/duckdb.mjs" "$PEERS/"
    ms=$(duckdb_run load "$WORKLOAD.tsv")
    load_report duckdb "$ms" "$(size_of "$WORK/home/sensor.duckdb")"
    load_check DuckDB "$(duckdb_run count)"
    remark ingest "DuckDB $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$PEERS/duckdb/node_modules/@duckdb/node-api/package.json"): COPY of the same file, all cores, embedded in node: no server, no network."
    duckdb_ask "$ASK_ALL" 'SELECT count(*), sum(value) FROM sensor'
    duckdb_ask "$ASK_HOUR" "SELECT * FROM sensor WHERE series = '$ASK_SERIES' AND time >= '$ASK_FROM' AND time < '$ASK_UNTIL'"
    duckdb_ask "$ASK_AVERAGES" "SELECT date_trunc('hour', time), avg(value) FROM sensor WHERE series = '$ASK_SERIES' GROUP BY 1"
    duckdb_ask "$ASK_LAST" 'SELECT series, max(time), arg_max(value, time) FROM sensor GROUP BY 1'
    duckdb_ask "$ASK_LATEST" "SELECT time, value FROM sensor WHERE series = '$ASK_SERIES' ORDER BY time DESC LIMIT 1"
}

size_goal() {
    ours=$(awk -F'\t' '$1 == "value" && $2 == "size" && $4 == "tsdb" { print $5 }' "$RESULTS")
    theirs=$(awk -F'\t' '$1 == "value" && $2 == "size" && $4 == "victoria" { print $5 }' "$RESULTS")
    if [ -n "$ours" ] && [ -n "$theirs" ]; then
        goal size "size over VictoriaMetrics'" "$(ratio "$ours" "$theirs")" '<=' 1 ''
    else
        miss size "size over VictoriaMetrics'" 'no size of both; run ingest and peers'
    fi
}

trap peer_stop EXIT
mkdir -p "$PEERS"
workload_make
influxdb
victoria
duckdb
size_goal
