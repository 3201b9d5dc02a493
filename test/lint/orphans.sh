#!/bin/sh
# Every test has its expected file or corpus and the other way round; no alternates.
cd "$(dirname "$0")/../.." || exit 1
bad=0
complain() {
    echo "$1"
    bad=1
}
for file in test/sql/*.sql test/specs/*.spec; do
    [ -f "$file" ] || continue
    name=$(basename "${file%.*}")
    [ -f "expected/$name.out" ] || complain "$file: no expected/$name.out"
    case $file in
    test/specs/iso_*) ;;
    test/specs/*) complain "$file: isolation specs are called iso_*" ;;
    test/sql/iso_*) complain "$file: iso_* is for isolation specs" ;;
    esac
    [ ! -f "sql/$name.sql" ] || complain "$file: pg_regress would run sql/$name.sql instead"
done
for file in expected/*; do
    [ -f "$file" ] || continue
    name=$(basename "$file" .out)
    [ -f "test/sql/$name.sql" ] || [ -f "test/specs/$name.spec" ] || complain "$file: no test"
done
for file in test/fuzz/*_fuzz.c; do
    [ -f "$file" ] || continue
    name=$(basename "$file" _fuzz.c)
    [ -n "$(find "test/fuzz/corpus/$name" -type f 2>/dev/null | head -n 1)" ] || complain "$file: no test/fuzz/corpus/$name"
done
exit $bad
