#!/bin/sh
# bench.sh - everything in test/bench: C programs (*_bench.c), then scripts (*.sh) on a private server.
set -eu
. "$(dirname "$0")/lib.sh"

server_install
work_open
server_paths
cd "$ROOT"
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo)"
echo "commit:  $(git describe --always --dirty 2>/dev/null || echo unknown)"
make -s -j"$JOBS" -f test/setup/pure.mk FLAVOUR=gcc bench
for bench in build/pure-gcc/test/bench/*_bench; do
    [ ! -x "$bench" ] || "$bench" test/data
done
server_copy
export ROOT PG_BIN WORK
for bench in test/bench/*.sh; do
    [ ! -x "$bench" ] || "$bench"
done
