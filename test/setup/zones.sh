#!/bin/sh
# zones.sh - buckets and local time in every zone of pg_timezone_names, around every change of its clock.
set -eu
. "$(dirname "$0")/lib.sh"

TSDB_ZONES=all
TSDB_TAP=buckets
TSDB_STAGE_SECONDS=${TIME:-14400}
export TSDB_ZONES TSDB_TAP TSDB_STAGE_SECONDS
exec "$ROOT/test/setup/test.sh" tap
