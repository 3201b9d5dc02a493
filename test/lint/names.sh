#!/bin/sh
# Basenames of sources are unique (server logs print only them), and
# PostgreSQL versions are told apart in src/pg/compat.h alone.
cd "$(dirname "$0")/../.." || exit 1
bad=0
twice=$(find src -name '*.c' | sed 's,.*/,,' | sort | uniq -d)
if [ -n "$twice" ]; then
    echo "basename used twice:" $twice
    bad=1
fi
if grep -rnE 'PG_VERSION_NUM|PG_MAJORVERSION_NUM' src --include='*.[ch]' | grep -v '^src/pg/compat\.h:'; then
    echo "PostgreSQL's version is asked for outside of src/pg/compat.h"
    bad=1
fi
exit $bad
