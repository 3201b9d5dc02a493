#!/bin/sh
exec "$(dirname "$0")/format.sh" --check
