# lineproto.sh - line protocol over HTTP: the server of tsdb beside InfluxDB and VictoriaMetrics.
#
# The same bodies of 5000 lines over one connection, contenders taking turns: lines of ten fields as Telegraf's, and
# lines of one.  Commits of tsdb are durable before they are answered; the others don't sync.
# Then one worker beside two, with eight connections of a client that costs next to nothing; and a million series, one
# point each, twice.
# BENCH_LINES lines in each round (200000), BENCH_LINE_ROUNDS rounds (3), BENCH_LINE_SERIES series (1000000).

. "$BENCH/peers_lib.sh"

LINES=${BENCH_LINES:-200000}
LINE_ROUNDS=${BENCH_LINE_ROUNDS:-3}
LINE_BODY=5000
LINE_SERIES=${BENCH_LINE_SERIES:-1000000}

# lines_make fields file - 100 hosts, a line each 10 s.
lines_make() {
    as_user perl -e '
        my ($fields, $lines) = @ARGV;
        srand 42;
        my @names = map { "usage_$_" } qw(idle user system iowait irq nice softirq steal guest guest_nice);
        for my $i (0 .. $lines - 1) {
            my $host = $i % 100;
            print $fields > 1 ? "cpu,cpu=cpu-total,dc=eu-west-1,host=host$host " : "load,host=host$host ";
            print join(",", map { sprintf "%s=%.2f", $_, rand 100 } @names[0 .. $fields - 1]);
            printf " %d000000000\n", 1704067200 + 10 * int($i / 100);
        }' "$1" "$LINES" >"$2"
}

# lines_load contender url what file - one round; the values are kept for the ratios.
lines_load() {
    ms=$(http load "$2" "$LINE_BODY" <"$4")
    echo "$1 $(ratio $((LINES * $3 * 1000)) "$ms")" >>"$WORK/lines-$3.txt"
}

lines_report() {
    for contender in $(cut -d' ' -f1 "$WORK/lines-$1.txt" | sort -u); do
        value lineproto "lines of $1 fields, values per second" "$contender" \
            "$(column "$WORK/lines-$1.txt" "$contender" 2 | median)" values/s
    done
}

# lines_goal fields peer limit
lines_goal() {
    grep -q "^$2 " "$WORK/lines-$1.txt" || { miss lineproto "$2" 'the Debian package cannot be had'; return 0; }
    goal lineproto "lines of $1 fields: values per second over $2" "$(paired_ratio "$WORK/lines-$1.txt" tsdb "$2" 2)" '>=' "$3" ''
}

# workers_set n - restart with so many workers.
workers_set() {
    sql -c "ALTER SYSTEM SET tsdb.ingest_workers = $1"
    as_user "$PG_BIN/pg_ctl" -s -w -m fast -D "$WORK/home/bench" restart
    http wait "$INGEST/ping"
}

schema_empty() {
    sql -c "DROP SCHEMA IF EXISTS lines CASCADE" -c 'CREATE SCHEMA lines AUTHORIZATION lines'
}

worker_pids() {
    sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'tsdb ingest worker'"
}

# workers_ticks - processor time of the workers.
workers_ticks() {
    for pid in $(worker_pids); do
        cut -d' ' -f14,15 "/proc/$pid/stat"
    done | awk '{ n += $1 + $2 } END { print n }'
}

# load_raw connections repeats file - milliseconds.
load_raw() {
    "$WORK/lineproto_load" "${INGEST##*:}" '/write?db=lines' "$1" "$LINE_BODY" "$2" <"$3" | cut -d' ' -f1
}

# workers_round n - the lines once to have series and WAL files, then five times: milliseconds and processor time.
workers_round() {
    workers_set "$1"
    schema_empty
    load_raw 8 1 "$WORK/home/lines-10.txt" >/dev/null
    ticks=$(workers_ticks)
    ms=$(load_raw 8 5 "$WORK/home/lines-10.txt")
    echo "workers$1 $(ratio $((LINES * 50 * 1000)) "$ms") $(ratio $((($(workers_ticks) - ticks) * 200000)) "$LINES")" >>"$WORK/workers.txt"
}

workers_report() {
    for n in 1 2; do
        value lineproto 'lines of 10 fields, 8 connections, values per second' "workers: $n" "$(column "$WORK/workers.txt" "workers$n" 2 | median)" values/s
        # A tick is 10 ms, and the rounds have 50 values a line: ticks * 10 ms / (lines * 50) = ns.
        value lineproto 'processor time of all workers' "workers: $n" "$(column "$WORK/workers.txt" "workers$n" 3 | median)" ns/value
    done
    goal lineproto 'two workers over one: values per second, both cores shared with the client' "$(paired_ratio "$WORK/workers.txt" workers2 workers1 2)" '>=' 1.6 ''
    goal lineproto 'two workers over one: processor time of a value' "$(paired_ratio "$WORK/workers.txt" workers2 workers1 3)" '<=' 1.15 ''
}

# series_make file time - one point of each series.
series_make() {
    as_user perl -e 'printf "meter,site=s%d,id=%09d v=%d %d000000000\n", $_ % 1000, $_, $_ % 100, $ARGV[1] for 0 .. $ARGV[0] - 1' "$LINE_SERIES" "$2" >"$1"
}

series_round() {
    workers_set 1
    schema_empty
    pid=$(worker_pids)
    for what in new known; do
        [ $what = new ] && time=1704067200 || time=1704067210
        series_make "$WORK/home/series.txt" $time
        ms=$(load_raw 1 1 "$WORK/home/series.txt")
        value lineproto "points of $LINE_SERIES series, one each" "$what" "$(ratio $((LINE_SERIES * 1000)) "$ms")" points/s
    done
    memory=$(awk '/^RssAnon/ { print $2 / 1024 }' "/proc/$pid/status")
    goal lineproto "memory of the worker after $LINE_SERIES series" "$memory" '<=' 128 MB
    [ "$(sql -c 'SELECT count(*) FROM lines.meter')" = $((LINE_SERIES * 2)) ] || die "points of $LINE_SERIES series are missing"
}

mkdir -p "$PEERS"
cc -O2 -D_GNU_SOURCE -o "$WORK/lineproto_load" "$BENCH/lineproto_load.c"
for fields in 10 1; do
    lines_make "$fields" "$WORK/home/lines-$fields.txt"
done
INGEST=http://127.0.0.1:$(port_free)
sql -c 'CREATE EXTENSION IF NOT EXISTS tsdb' -c 'CREATE ROLE lines LOGIN'
sql -c "ALTER SYSTEM SET tsdb.http_listen = '${INGEST#http://}'" -c 'ALTER SYSTEM SET tsdb.anonymous_role = lines' -c "ALTER SYSTEM SET tsdb.default_sample_interval = '1s'" \
    -c 'ALTER SYSTEM SET tsdb.ingest_database = bench'
as_user "$PG_BIN/pg_ctl" -s -w -D "$WORK/home/bench" restart
http wait "$INGEST/ping"

INFLUX= VICTORIA= influx_pid= victoria_pid=
if debian_unpack influxdb; then
    dir=$WORK/home/influx-lines
    as_user mkdir "$dir"
    PORT=$(port_free)
    INFLUX=http://127.0.0.1:$PORT
    influx_config "$dir" >"$PEERS/influx-lines.conf"
    peer_start influxdb "$PEERS/root/usr/bin/influxd" -config "$PEERS/influx-lines.conf"
    influx_pid=$PEER_PID
    http wait "$INFLUX/ping"
fi
if debian_unpack victoria-metrics; then
    dir=$WORK/home/victoria-lines
    as_user mkdir "$dir"
    VICTORIA=http://127.0.0.1:$(port_free)
    peer_start victoria-metrics "$PEERS/root/usr/bin/victoria-metrics" -storageDataPath="$dir" -httpListenAddr="${VICTORIA#http://}" -retentionPeriod=100y
    victoria_pid=$PEER_PID
    http wait "$VICTORIA/health"
fi
for fields in 10 1; do
    for round in $(seq "$LINE_ROUNDS"); do
        schema_empty
        lines_load tsdb "$INGEST/write?db=lines" "$fields" "$WORK/home/lines-$fields.txt"
        if [ -n "$INFLUX" ]; then
            http post "$INFLUX/query?q=$(uri "CREATE DATABASE lines$fields$round")"
            lines_load influxdb "$INFLUX/write?db=lines$fields$round" "$fields" "$WORK/home/lines-$fields.txt"
        fi
        [ -z "$VICTORIA" ] || lines_load victoria "$VICTORIA/write?db=lines$fields$round" "$fields" "$WORK/home/lines-$fields.txt"
    done
    lines_report "$fields"
done
for pid in $influx_pid $victoria_pid; do
    PEER_PID=$pid
    peer_stop
done
for round in $(seq "$LINE_ROUNDS"); do
    workers_round 1
    workers_round 2
done
workers_report
series_round
lines_goal 10 influxdb 3
lines_goal 10 victoria 1.2
lines_goal 1 victoria 1
