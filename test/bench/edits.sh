# edits.sh - late data, corrections and their journal.
#
# Tables:
#   points      heap, 2 x BENCH_BACKFILL_ROWS points of 100 series in a year; every second one comes late
#   backfilled  the others, compressed; then the late ones in random order: by COPY, and in backfilled_by_function by tsdb.backfill()
#   in_order    the late ones alone in order of time; at last all points
#   dense       BENCH_EDIT_YEARS years of a series at 1 Hz
#   plants      1000 series of as many years at a sample a minute, copies of one (tsdb_test.clone_series)
# All times include the commit; sizes are those of everything that belongs to the table.

BACKFILL_ROWS=${BENCH_BACKFILL_ROWS:-2000000}
EDIT_YEARS=${BENCH_EDIT_YEARS:-1}
EDIT_SERIES=1000
OVERWRITES=100000
DENSE_OVERWRITES=1000000
ROUND_RESULTS=$WORK/edits.rounds
FILES=$WORK/home/edits

shuffled() {
    echo 'hashint8extended(extract(epoch FROM time)::int8 * 1000 + sensor, 0)'
}

points_make() {
    each=$((BACKFILL_ROWS / 50))
    sql -c "CREATE UNLOGGED TABLE points AS
            SELECT timestamptz '$START' + i * interval '$((YEAR_SECONDS / each)) s' AS time, s AS sensor, $(series_value '(i + s)') AS value, i % 2 = 1 AS is_late
            FROM generate_series(0, $((each - 1))) i, generate_series(1, 100) s" \
        -c "CREATE UNLOGGED TABLE late_in_order AS SELECT time, sensor, value FROM points WHERE is_late ORDER BY time, sensor" \
        -c "CREATE UNLOGGED TABLE late_shuffled AS SELECT time, sensor, value FROM points WHERE is_late ORDER BY $(shuffled)" \
        -c 'ANALYZE points, late_in_order, late_shuffled' \
        -c "COPY late_in_order TO '$FILES.in_order'" -c "COPY late_shuffled TO '$FILES.shuffled'"
}

# fresh table - an empty one of that name; compressed table - one with the points that are not late.
fresh() {
    sql -c "DROP TABLE IF EXISTS $1"
    sensor_table "$1" 1s
}

compressed() {
    fresh "$1"
    sql -c "INSERT INTO $1 SELECT time, sensor, value FROM points WHERE NOT is_late ORDER BY time, sensor"
    settle "$1"
}

# load contender statement
load() {
    sql -c CHECKPOINT
    echo "$1 $(measured "$2" | tail -n 1)" >>"$ROUND_RESULTS"
}

backfill_rounds() {
    : >"$ROUND_RESULTS"
    for _ in 1 2 3; do
        fresh in_order
        load copy_in_order "COPY in_order FROM '$FILES.in_order'"
        compressed backfilled
        load copy_late "COPY backfilled FROM '$FILES.shuffled'"
        fresh in_order
        load insert_in_order 'INSERT INTO in_order SELECT * FROM late_in_order'
        compressed backfilled_by_function
        load function_late "SELECT tsdb.backfill('backfilled_by_function', 'SELECT * FROM late_shuffled', 'bench')"
    done
    for loaded in copy_in_order:'COPY in order' copy_late:'COPY in random order, late' insert_in_order:'INSERT ... SELECT in order' function_late:'tsdb.backfill() in random order'; do
        value edits "${loaded#*:}, $BACKFILL_ROWS rows of 100 series" tsdb "$(ratio $((BACKFILL_ROWS * 1000)) "$(column "$ROUND_RESULTS" "${loaded%%:*}" 2 | median)")" rows/s
    done
    goal edits 'late points in random order: rate of COPY over that of COPY in order' "$(paired_ratio "$ROUND_RESULTS" copy_in_order copy_late 2)" '>=' 0.5 ''
    goal edits 'late points in random order: rate of tsdb.backfill() over that of COPY in order' "$(paired_ratio "$ROUND_RESULTS" copy_in_order function_late 2)" '>=' 0.5 ''
    value edits 'late points in random order: rate of tsdb.backfill() over that of INSERT ... SELECT in order' tsdb "$(paired_ratio "$ROUND_RESULTS" insert_in_order function_late 2)" ''
}

# rows_differ table twin - how many groups of rows, one per series and month, are not the same bit for bit.
rows_differ() {
    hashes="SELECT sensor, date_trunc('month', time, 'UTC') AS month, count(*) AS rows, sum(hash_record_extended(ROW(time, sensor, value), 0)) AS hash FROM"
    sql -c "SELECT count(*) FROM ($hashes $1 GROUP BY 1, 2) a FULL JOIN ($hashes $2 GROUP BY 1, 2) b USING (sensor, month) WHERE (a.rows, a.hash) IS DISTINCT FROM (b.rows, b.hash)"
}

# averages_differ table twin - the same of an aggregate that summaries answer.  Values have two decimals, so rounded sums are
# equal in whatever order floats were added up.
averages_differ() {
    averages="SELECT sensor, date_trunc('month', time, 'UTC') AS month, count(*), round((avg(value) * count(value))::numeric, 2), min(value), max(value) FROM"
    sql -c "SELECT count(*) FROM (($averages $1 GROUP BY 1, 2 EXCEPT $averages $2 GROUP BY 1, 2) UNION ALL ($averages $2 GROUP BY 1, 2 EXCEPT $averages $1 GROUP BY 1, 2)) x"
}

# differences table - from the points, by rows and by aggregates.
differences() {
    echo $(($(rows_differ "$1" points) + $(averages_differ "$1" points)))
}

backfill_size() {
    fresh in_order
    sql -c 'INSERT INTO in_order SELECT time, sensor, value FROM points ORDER BY time, sensor'
    settle in_order
    wanted=$(sql -c "SELECT bench.bytes('in_order')")
    for table in backfilled backfilled_by_function; do
        different=$(differences $table)
        set -- "$(measured "SELECT tsdb.compact('$table')" | tail -n 1)"
        value edits "compaction of $table afterwards" tsdb "$(ratio "$(ratio "${1%% *}" 0.000001)" "$BACKFILL_ROWS")" 'ns per late row'
        settle $table
        goal edits "$table: months of a series that differ from the heap twin, before and after compaction" $((different + $(differences $table))) '<=' 0 ''
        goal edits "size of $table over that of the same points loaded in order" "$(ratio "$(sql -c "SELECT bench.bytes('$table')")" "$wanted")" '<=' 1.05 ''
    done
    # Where the sizes differ: in the blocks, or in holes of the file.
    for table in in_order backfilled backfilled_by_function; do
        value edits "size of $table: blocks" tsdb "$(ratio "$(sql -c "SELECT sum(bytes) FROM tsdb.blocks('$table')")" $((2 * BACKFILL_ROWS)))" bytes/row
        value edits "size of $table: the file" tsdb "$(ratio "$(sql -c "SELECT bench.bytes('$table')")" $((2 * BACKFILL_ROWS)))" bytes/row
        value edits "size of $table: the file" rewritten "$(ratio "$(sql -c "VACUUM FULL $table" -c "SELECT bench.bytes('$table')")" $((2 * BACKFILL_ROWS)))" bytes/row
    done
    sql -c 'DROP TABLE in_order, backfilled_by_function, late_in_order, late_shuffled'
}

# milliseconds n - of each of the n statements of the session that stdin is.
milliseconds() {
    times=$({ printf '%s\n' '\timing on' && cat; } | sql | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p')
    [ "$(echo "$times" | grep -c .)" = "$1" ] || die "failed: only this took any time: $times"
    echo "$times"
}

overwrites() {
    sql -c "CREATE UNLOGGED TABLE corrections AS SELECT time, sensor, round(value * 100 + 100) / 100 AS value FROM points ORDER BY $(shuffled) DESC LIMIT $OVERWRITES" -c CHECKPOINT
    times=$(milliseconds 2 <<SQL
SELECT tsdb.overwrite('backfilled', 'SELECT * FROM corrections', 'bench');
SELECT date_trunc('month', time, 'UTC'), count(value), avg(value), max(value) FROM backfilled GROUP BY 1;
SQL
    )
    ms=$(echo "$times" | awk '{ t += $1 } END { print t }')
    value edits "$OVERWRITES scattered overwrites, then an aggregate over the year by month" tsdb "$ms" ms
    goal edits "$OVERWRITES scattered overwrites until an aggregate over the year shows them" "$ms" '<=' 3000 ms
    sql -c 'UPDATE points p SET value = c.value FROM corrections c WHERE (p.time, p.sensor) = (c.time, c.sensor)' -c 'VACUUM ANALYZE points'
    different=$(differences backfilled)
    settle backfilled
    goal edits 'after the overwrites: months of a series that differ from the heap twin, before and after compaction' $((different + $(differences backfilled))) '<=' 0 ''
    sql -c 'DROP TABLE points, corrections, backfilled'
}

# journal_bytes - of what was there before edits; a table that was dropped has left no room in it.
journal_bytes() {
    sql -c 'VACUUM FULL tsdb.edit_image' -c "SELECT bench.bytes('tsdb.edit_image')"
}

dense_make() {
    sensor_table dense 1s
    insert_series dense 1 $((EDIT_YEARS * YEAR_SECONDS)) 1s
    settle dense
    sql -c 'VACUUM FULL dense' -c 'ANALYZE dense' -c CHECKPOINT
}

# The first million samples; of the last block that they reach, their share counts.
dense_journal() {
    replaced=$(sql -c "SELECT sum(bytes * least(1, extract(epoch FROM timestamptz '$START' + interval '$DENSE_OVERWRITES s' - from_time) / extract(epoch FROM until_time - from_time)))
        FROM tsdb.blocks('dense') WHERE from_time < timestamptz '$START' + interval '$DENSE_OVERWRITES s'")
    before=$(journal_bytes)
    sql -o /dev/null -c "SELECT tsdb.overwrite('dense', \$\$SELECT time, sensor, round(value * 100 + 100) / 100 AS value FROM dense WHERE time < timestamptz '$START' + interval '$DENSE_OVERWRITES s'\$\$, 'bench')"
    written=$(($(journal_bytes) - before))
    value edits "overwriting $DENSE_OVERWRITES dense samples: compressed, what was replaced" tsdb "$(ratio "$replaced" "$DENSE_OVERWRITES")" bytes/sample
    value edits "overwriting $DENSE_OVERWRITES dense samples: journal" tsdb "$(ratio "$written" "$DENSE_OVERWRITES")" bytes/sample
    goal edits 'journal of dense overwrites over the compressed size of what was replaced' "$(ratio "$written" "$replaced")" '<=' 1.25 ''
}

plants_make() {
    sensor_table plants 1min
    # Series have ids as soon as they are named, committed or not.
    sql -c BEGIN -c "INSERT INTO plants SELECT '$START', s, 0 FROM generate_series(1, $EDIT_SERIES) s" -c ROLLBACK
    insert_series plants $EDIT_SERIES $((EDIT_YEARS * YEAR_SECONDS / 60)) 1min
    sql -o /dev/null -c "SELECT tsdb.compact('plants')"
    sql -c 'VACUUM FULL plants'
    sql -o /dev/null -c "SELECT tsdb_test.clone_series('plants', $EDIT_SERIES, 1, $((EDIT_SERIES - 1)))"
    sql -c 'ANALYZE plants' -c CHECKPOINT
}

# dense_hash, plants_hash - of all rows; of the rows of every hundredth series, and of the aggregates of all days of all series.
dense_hash() {
    sql -c 'SELECT count(*), sum(hash_record_extended(ROW(time, sensor, value), 0)) FROM dense'
}

plants_hash() {
    sql -c 'SELECT count(*), sum(hash_record_extended(ROW(time, sensor, value), 0)) FROM plants WHERE sensor % 100 = 0' \
        -c "SELECT sum(count), sum(hash_record_extended(ROW(sensor, day, count, sum, min, max), 0))
            FROM (SELECT sensor, date_trunc('day', time, 'UTC') AS day, count(value), sum(value), min(value), max(value) FROM plants GROUP BY 1, 2) x"
}

# month n - its bounds, as arguments of tsdb.mark_deleted.
month() {
    echo "timestamptz '$START' + interval '$1 months', timestamptz '$START' + interval '$(($1 + 1)) months'"
}

# month_out table what months limit - mark months as deleted, one after the other, and undo it; before them one with VACUUM.
month_out() {
    hash=$("${1}_hash")
    month_back "$1" "$2"
    times=$(month_statements "$1" "$3" | milliseconds $((2 + 2 * $(echo "$3" | wc -w))) | tail -n +3)
    marked=$(echo "$times" | awk 'NR % 2' | median)
    value edits "mark_deleted of a month of $2" tsdb "$marked" ms
    value edits "undo of mark_deleted of a month of $2" tsdb "$(echo "$times" | awk 'NR % 2 == 0' | median)" ms
    goal edits "mark_deleted of a month of $2, $EDIT_YEARS years" "$marked" '<=' "$4" ms
    [ "$hash" = "$("${1}_hash")" ] && different=0 || different=1
    goal edits "$2: hash of all rows after undo differs from before" $different '<=' 0 ''
}

# month_statements table months - for one session, whose first edit, of an hour, does not count.
month_statements() {
    edit_and_undo "$1" "timestamptz '$START', timestamptz '$START' + interval '1 hour'"
    for m in $2; do edit_and_undo "$1" "$(month "$m")"; done
}

# edit_and_undo table bounds
edit_and_undo() {
    printf '%s\n' "SELECT tsdb.mark_deleted('$1', '{}', $2, 'bench') AS edit \\gset" "SELECT tsdb.undo(:edit, 'bench');"
}

# month_back table what - space of a month, from before to after VACUUM, and after compaction and VACUUM.
month_back() {
    before=$(sql -c "SELECT bench.bytes('$1')")
    month_bytes=$(sql -c "SELECT sum(bytes) FROM tsdb.blocks('$1') WHERE from_time >= timestamptz '$START' + interval '8 months' AND until_time <= timestamptz '$START' + interval '9 months'")
    edit=$(sql -c "SELECT tsdb.mark_deleted('$1', '{}', $(month 8), 'bench')")
    marked=$(sql -c "SELECT bench.bytes('$1')")
    sql -c "VACUUM $1"
    after=$(sql -c "SELECT bench.bytes('$1')")
    value edits "file of $2" tsdb "$(ratio "$before" 1048576)" MiB
    value edits "file of $2, a month marked as deleted" tsdb "$(ratio "$marked" 1048576)" MiB
    value edits "file of $2, the same after VACUUM" tsdb "$(ratio "$after" 1048576)" MiB
    goal edits "$2: space that came back after VACUUM over that of the month's blocks" "$(ratio $((before - after)) "$month_bytes")" '>=' 0.9 ''
    settle "$1"
    value edits "file of $2, the same after compaction and VACUUM" tsdb "$(ratio "$(sql -c "SELECT bench.bytes('$1')")" 1048576)" MiB
    sql -o /dev/null -c "SELECT tsdb.undo($edit, 'bench')"
}

sql -c 'CREATE EXTENSION IF NOT EXISTS tsdb_test'
points_make
backfill_rounds
backfill_size
overwrites
dense_make
month_out dense 'a series at 1 Hz' '2 3 4 5 6' 20
dense_journal
sql -c 'DROP TABLE dense'
plants_make
month_out plants "$EDIT_SERIES series at 1 min" '3 4 5' 1000
sql -c 'DROP TABLE plants'
remark edits "Late points: every second of $((2 * BACKFILL_ROWS)) points of 100 series in a year, into a table that holds the others in segments. Years of the tables that lose a month: $EDIT_YEARS; of the $EDIT_SERIES series after undo every hundredth is compared row by row, the others by their days."
