#!/bin/sh
# lint.sh - every script of test/lint; one test each.
set -eu
. "$(dirname "$0")/lib.sh"

packages_install perl binutils
server_install
work_open
server_paths
passed=0
failed=0
for script in "$ROOT"/test/lint/*.sh; do
    set --
    case $script in
    */symbols.sh)
        rm -f "$SHADOW/tsdb.so"
        (extension_build) || true
        set -- "$SHADOW/tsdb.so"
        ;;
    esac
    if "$script" "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "lint $(basename "$script" .sh) failed"
    fi
done
totals lint "$passed" "$failed"
