#!/bin/sh
# Every symbol that tsdb.so exports starts with tsdb_ or belongs to PostgreSQL's loader.
# $1 = the library.
[ -f "$1" ] || exit 1
bad=$(nm -D --defined-only "$1" | awk '{ print $NF }' |
    grep -vE '^(tsdb_|pg_finfo_tsdb_|Pg_magic_func$|_PG_init$|_PG_fini$|_init$|_fini$|_edata$|_end$|__bss_start$)')
[ -z "$bad" ] && exit 0
echo "tsdb.so exports:"
echo "$bad"
exit 1
