#!/bin/sh
# Includes go downwards only; pure folders include no server header.  docs/CONTRIBUTING.md "Layers".
cd "$(dirname "$0")/../.." || exit 1
find src -name '*.[ch]' | sort | xargs awk '
BEGIN {
    below["base"] = "base"
    below["codec"] = "codec base"
    below["proto"] = "proto base"
    below["pg"] = "pg base"
    below["format"] = "format codec base"
    below["store"] = "store format codec pg base"
    below["series"] = "series " below["store"]
    below["attr"] = "attr " below["series"]
    below["write"] = "write " below["series"]
    below["read"] = "read " below["series"]
    below["maint"] = "maint write " below["read"]
    below["edit"] = "edit " below["maint"]
    below["am"] = "am attr edit " below["maint"]
    below["func"] = "func attr edit " below["maint"]
    below["plan"] = "plan attr " below["maint"]
    below["server"] = "server proto " below["write"]
    pure = " base codec proto format "
    while (("find src -name \"*.h\"" | getline header) > 0)
        ours[substr(header, 5)] = 1
}
FNR == 1 {
    n = split(FILENAME, part, "/")
    folder = n == 3 ? part[2] : ""
    if (n > 3 || (n == 2 && FILENAME != "src/tsdb.c") || (n == 3 && !(folder in below))) {
        print FILENAME ": not in a folder of the layer table"
        bad = 1
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    target = quoted[2]
    if (!(target in ours)) {
        if (folder != "" && index(pure, " " folder " ")) {
            print FILENAME ":" FNR ": pure code includes \"" target "\""
            bad = 1
        }
        next
    }
    split(target, part, "/")
    if (folder != "" && !index(" " below[folder] " ", " " part[1] " ")) {
        print FILENAME ":" FNR ": " folder " may not include \"" target "\""
        bad = 1
    }
}
END { exit bad }' /dev/null
