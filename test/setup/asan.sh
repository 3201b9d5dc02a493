#!/bin/sh
# asan.sh - unit tests and fuzz corpora under address and undefined behaviour sanitizers.
set -eu
. "$(dirname "$0")/lib.sh"

export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
FLAVOUR=asan exec "$ROOT/test/setup/test.sh" unit fuzz-replay
