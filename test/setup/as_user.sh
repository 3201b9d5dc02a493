#!/bin/sh
# as_user.sh - as_user of lib.sh for programs that start programs.
set -eu
if [ "$(id -u)" = 0 ]; then
    exec env HOME="$WORK/home" TMPDIR="$WORK/home" setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"
fi
exec "$@"
