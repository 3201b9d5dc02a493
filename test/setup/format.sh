#!/bin/sh
# format.sh [--check] - clang-format every C file of the tree, or only look.
set -eu
. "$(dirname "$0")/lib.sh"

# Versions differ in what they write: only 14 will do.
if ! command -v clang-format-14 >/dev/null; then
    packages_install clang-format-14
fi
cd "$ROOT"
files=$(find src test -name '*.[ch]' | sort)
[ -n "$files" ] || exit 0
if [ "${1:-}" != --check ]; then
    # shellcheck disable=SC2086
    exec clang-format-14 -i $files
fi
passed=0
failed=0
for file in $files; do
    if clang-format-14 --dry-run -Werror "$file" >/dev/null 2>&1; then
        passed=$((passed + 1))
    else
        echo "not formatted: $file"
        clang-format-14 "$file" | diff -u "$file" - | sed -n '3,12p'
        failed=$((failed + 1))
    fi
done
totals format "$passed" "$failed"
