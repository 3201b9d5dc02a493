#!/bin/sh
# test.sh - run stages of the tests and count: test.sh unit regress ...
#
# Closing line: "N passed, N failed", summed over the stages; with TSDB_COUNTS=file
# the counts of each stage are appended to that file instead.
set -eu
. "$(dirname "$0")/lib.sh"

# unit: C programs that print TAP.
stage_unit() {
    pure_make unit unit || return 0
    set -- "$BUILD"/pure-$FLAVOUR/test/unit/*_test
    [ -x "$1" ] || return 0
    (cd "$ROOT" && harness unit "$JOBS" env -- "$@")
}

# fuzz-replay: every input of the corpora, once, one test per target.
stage_fuzz_replay() {
    pure_make fuzz fuzz-replay || return 0
    for target in "$BUILD"/pure-$FLAVOUR/test/fuzz/*_fuzz; do
        [ -x "$target" ] || continue
        replay "$target"
    done
}

replay() {
    name=$(basename "$1" _fuzz)
    log=$LOGS/fuzz-replay-$name.log
    if find "$ROOT/test/fuzz/corpus/$name" -type f 2>/dev/null | sort | (cd "$ROOT" && xargs -r "$1") >"$log" 2>&1; then
        count fuzz-replay 1 0
    else
        tail -n 40 "$log"
        count fuzz-replay 0 1
    fi
}

# regress: test/sql against top-level expected/.
stage_regress() {
    tests=$(cd "$ROOT/test/sql" 2>/dev/null && ls ./*.sql 2>/dev/null | sed 's,^\./,,; s,\.sql$,,')
    run_pg_regress regress regress/pg_regress "$tests"
}

# isolation: test/specs against top-level expected/.
stage_isolation() {
    tests=$(cd "$ROOT/test/specs" 2>/dev/null && ls ./*.spec 2>/dev/null | sed 's,^\./,,; s,\.spec$,,')
    run_pg_regress isolation isolation/pg_isolation_regress "$tests"
}

# tap: pgTAP files, each in a database of its own.
stage_tap() {
    [ -n "$(ls "$ROOT"/test/tap/*.sql 2>/dev/null)" ] || return 0
    cluster_start tap <<CONF
$QUIET
CONF
    cp -r "$ROOT/test/tap" "$WORK/tap"
    # shellcheck disable=SC2046
    harness tap "$JOBS" "$ROOT/test/setup/pgtap.sh" -- $(tap_files)
    cluster_stop tap
    save_log "$WORK/home/tap.log" tap-server.log
}

# tap_files - all of test/tap, or those that TSDB_TAP names.
tap_files() {
    for file in ${TSDB_TAP:-"$WORK"/tap/*.sql}; do
        echo "$WORK/tap/$(basename "$file" .sql).sql"
    done
}

# prove: Perl TAP, which makes its own clusters.
stage_prove() {
    [ -n "$(ls "$ROOT"/test/t/*.pl 2>/dev/null)" ] || return 0
    cp -r "$ROOT/test/t" "$ROOT/README.md" "$ROOT/docs" "$WORK"
    as_user mkdir "$WORK/home/prove"
    (
        cd "$WORK/home/prove"
        export TESTDIR="$WORK/home/prove" TESTDATADIR="$WORK/home/prove/tmp_check" TESTLOGDIR="$WORK/home/prove/tmp_check/log"
        export PG_REGRESS="$PG_LIBEXEC/regress/pg_regress" TEMP_CONFIG="$WORK/test.conf" top_builddir="$WORK/home/prove"
        export PATH="$PG_BIN:$PATH" PERL5LIB="$PG_LIBEXEC/perl:$WORK/t"
        # shellcheck disable=SC2046
        harness prove "$JOBS" "$ROOT/test/setup/as_user.sh" perl -- $(prove_files)
    )
    if tail -n 1 "$COUNTS" | grep -qv ' 0$'; then
        rm -rf "$LOGS/prove"
        cp -r "$WORK/home/prove/tmp_check/log" "$LOGS/prove" 2>/dev/null || true
        note "server and test logs: build/log/prove"
    fi
}

# prove_files - all of test/t, or those that TSDB_PROVE names.
prove_files() {
    for file in ${TSDB_PROVE:-"$WORK"/t/*.pl}; do
        echo "$WORK/t/$(basename "$file" .pl).pl"
    done
}

# run_pg_regress stage program tests - one temporary instance, tests in order.
run_pg_regress() {
    [ -n "$3" ] || return 0
    dir=$WORK/home/$1
    as_user mkdir "$dir"
    # Both programs look for ./expected; 15 has no option for it.
    cp -r "$ROOT/expected" "$WORK/$1.expected"
    as_user ln -s "$WORK/$1.expected" "$dir/expected"
    cp -r "$ROOT/test" "$WORK/$1.test"
    # shellcheck disable=SC2086
    (cd "$dir" && run_limited as_user "$PG_LIBEXEC/$2" --inputdir="$WORK/$1.test" --bindir="$PG_BIN" \
        --temp-instance="$dir/instance" --temp-config="$WORK/quiet.conf" --load-extension=tsdb --load-extension=tsdb_test \
        --encoding=UTF8 --no-locale --dbname="tsdb_$1" $3) >"$LOGS/$1.log" 2>&1 && status=0 || status=$?
    passed=$(grep -cE '^(ok +[0-9]|(test|    ) .*\.\.\. ok)' "$LOGS/$1.log") || true
    failed=$(grep -cE '^(not ok +[0-9]|(test|    ) .*\.\.\. (FAILED|failed))' "$LOGS/$1.log") || true
    if [ "$status" != 0 ]; then
        [ "$failed" != 0 ] || failed=1
        cat "$LOGS/$1.log"
        for file in "$dir"/*.diffs; do
            [ ! -f "$file" ] || { head -n 400 "$file"; cp "$file" "$LOGS/$1.diffs"; }
        done
        grep -E 'PANIC|FATAL|TRAP|was terminated' "$dir"/log/postmaster.log | head -20 || true
    fi
    save_log "$dir/log/postmaster.log" "$1-server.log"
    rm -rf "$LOGS/$1.results"
    cp -r "$dir/results" "$LOGS/$1.results" 2>/dev/null || true
    count "$1" "$passed" "$failed"
}

# pure_make goal stage - compile; a failure is counted.
pure_make() {
    (cd "$ROOT" && make -s -j"$JOBS" -f test/setup/pure.mk FLAVOUR="$FLAVOUR" "$1") >"$LOGS/pure-$FLAVOUR-$1.log" 2>&1 && return 0
    cat "$LOGS/pure-$FLAVOUR-$1.log"
    count "$2" 0 1
    return 1
}

# harness stage jobs command... -- files
harness() {
    stage=$1
    jobs=$2
    shift 2
    run_limited perl "$ROOT/test/setup/harness.pl" "$stage" "$COUNTS" "$LOGS" "$jobs" "$@" || count "$stage" 0 1
}

# run_limited command... - a hang becomes a failure.
run_limited() {
    if [ "$1" = as_user ]; then
        shift
        set -- "$ROOT/test/setup/as_user.sh" "$@"
    fi
    timeout -k 20 "${TSDB_STAGE_SECONDS:-2400}" "$@" && status=0 || status=$?
    [ $status != 124 ] || note "ended after ${TSDB_STAGE_SECONDS:-2400} s: something hangs, or the machine is very busy (TSDB_STAGE_SECONDS allows more)"
    return $status
}

count() {
    echo "$1 $2 $3" >>"$COUNTS"
}

save_log() {
    cp "$1" "$LOGS/$2" 2>/dev/null || true
}

# guarded name command... - with errexit on inside; a failure is counted as one of stage `name`.
guarded() {
    name=$1
    shift
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    [ "$status" = 0 ] || count "$name" 0 1
    return 0
}

# summary stage seconds
summary() {
    awk -v s="$1" -v t="$2" '$1 == s { p += $2; f += $3 }
        END { printf "%-12s %5d passed, %d failed (%d s)\n", s, p, f, t }' "$COUNTS"
}

FLAVOUR=${FLAVOUR:-gcc}
# Servers of tests that say themselves when a table is compacted; those of test/t have the worker as well.
QUIET='tsdb.maintenance = off'
stages=${*:-unit fuzz-replay regress isolation tap prove}
work_open
COUNTS=$WORK/counts
: >"$COUNTS"
case " $stages " in
*" regress "* | *" isolation "* | *" tap "* | *" prove "*)
    set --
    # pgtap: that of the server which comes with it.
    case " $stages " in *" tap "*) set -- "$@" "$(has_server && echo "postgresql-$(server_major)-pgtap" || echo pgtap)" ;; esac
    case " $stages " in *" prove "*) set -- "$@" libipc-run-perl ;; esac
    server_install "$@"
    case " $stages " in *" prove "*) clients_install ;; esac
    server_paths
    cp "$ROOT/test/setup/test.conf" "$WORK/test.conf"
    { cat "$WORK/test.conf" && echo "$QUIET"; } >"$WORK/quiet.conf"
    started=$(date +%s)
    guarded build server_copy
    if [ -s "$COUNTS" ]; then
        summary build $(($(date +%s) - started))
        stages=$(echo " $stages " | sed 's/ regress / /; s/ isolation / /; s/ tap / /; s/ prove / /')
    fi
    ;;
*) packages_install $BUILD_PACKAGES ;;
esac
for stage in $stages; do
    started=$(date +%s)
    guarded "$stage" stage_"$(echo "$stage" | tr - _)"
    summary "$stage" $(($(date +%s) - started))
done
if [ -n "${TSDB_COUNTS:-}" ]; then
    cat "$COUNTS" >>"$TSDB_COUNTS"
else
    awk '{ p += $2; f += $3 } END { printf "%d passed, %d failed\n", p, f }' "$COUNTS"
fi
awk '{ f += $3 } END { exit f > 0 }' "$COUNTS"
