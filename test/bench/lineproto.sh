# lineproto.sh - line protocol over HTTP: the server of tsdb beside InfluxDB and VictoriaMetrics.
#
# The same bodies of 5000 lines over one connection, contenders taking turns: lines of ten fields as Telegraf's, and
# lines of one.  Commits of tsdb are durable before they are answered; the others don't sync.
# BENCH_LINES lines in each round (200000), BENCH_LINE_ROUNDS rounds (3).

. "$BENCH/peers_lib.sh"

LINES=${BENCH_LINES:-200000}
LINE_ROUNDS=${BENCH_LINE_ROUNDS:-3}
LINE_BODY=5000

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

mkdir -p "$PEERS"
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
        sql -c "DROP SCHEMA IF EXISTS lines CASCADE" -c 'CREATE SCHEMA lines AUTHORIZATION lines'
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
lines_goal 10 influxdb 3
lines_goal 10 victoria 1.2
lines_goal 1 victoria 1
