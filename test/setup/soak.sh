#!/bin/sh
# soak.sh - the randomised tests for a long time: TIME=seconds (default an hour), T=name of one test in test/t.
#
# Tests that can run for any time take it from TSDB_SOAK_SECONDS; their seed is in the log.
set -eu
. "$(dirname "$0")/lib.sh"

TSDB_SOAK_SECONDS=${TIME:-3600}
TSDB_STAGE_SECONDS=$((TSDB_SOAK_SECONDS * 2 + 600))
TSDB_PROVE=${T:-$(cd "$ROOT" && grep -l TSDB_SOAK_SECONDS test/t/*.pl 2>/dev/null || true)}
[ -n "$TSDB_PROVE" ] || die "no test in test/t knows TSDB_SOAK_SECONDS"
export TSDB_SOAK_SECONDS TSDB_STAGE_SECONDS TSDB_PROVE
exec "$ROOT/test/setup/test.sh" prove
