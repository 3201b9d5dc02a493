#!/bin/sh
# pgtap.sh - run one pgTAP file in a database of its own.
set -eu
db=tap_$(basename "$1" .sql)
"$PG_BIN/psql" -Xq -d postgres -c "CREATE DATABASE \"$db\""
"$PG_BIN/psql" -Xq -v ON_ERROR_STOP=1 -d "$db" -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION tsdb' -c 'CREATE EXTENSION tsdb_test'
exec "$PG_BIN/psql" -XAtq -v ON_ERROR_STOP=1 -d "$db" -f "$1"
