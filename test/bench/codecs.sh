# codecs.sh - every C program of this folder; the goals of the codecs from codec_bench's closing lines.

# gates - "series bits" that codec_bench must not exceed at 3600 values a chunk.
gates() {
    cat <<GATES
hyd_temp1 5.7
steel_kwh 11.1
occ_temp 4.5
nyc_wind 4.3
bj_pm25 6.8
syn_walk2 5.0
syn_adc12 3.1
syn_counter 2.7
syn_valve 0.17
syn_noise 50.7
GATES
}

# median_of ratio - the number that codec_bench prints behind it.
median_of() {
    sed -n "s,^$1 *\([0-9.]*\) median.*,\1,p" "$CODECS"
}

CODECS=$BUILD/bench-codecs.txt
(cd "$ROOT" && make -s -j"$JOBS" -f test/setup/pure.mk FLAVOUR=gcc bench)
for program in "$ROOT"/build/pure-gcc/test/bench/*_bench; do
    "$program" "${TSDB_DATA:-$ROOT/test/data}"
done | tee "$CODECS"

goal codecs 'series of the gate set that need more bits a value than they may' \
    "$(gates | awk 'NR == FNR { gate[$1] = $2; next } $1 in gate && $2 > gate[$1] { n++ } END { print n + 0 }' - "$CODECS")" '<=' 0 ''
goal codecs 'decode over LZ4 decompression of the raw doubles, median' "$(median_of 'decode / lz4 decode')" '>=' 1 ''
goal codecs 'decode over memcpy, median' "$(median_of 'decode / memcpy')" '>=' 0.05 ''
goal codecs 'decode and fold over memcpy, median' "$(median_of 'fold / memcpy')" '>=' 0.08 ''
goal codecs 'encode, all codecs tried, over LZ4 compression, median' "$(median_of 'encode / lz4 encode')" '>=' 0.12 ''
goal codecs 'encode with the last codec, over LZ4 compression, median' "$(median_of 'sticky / lz4 encode')" '>=' 0.3 ''
goal codecs 'lines of line protocol with 10 fields, parsed on one core' \
    "$(sed -n 's,^10 fields of Telegraf *\([0-9]*\).*,\1,p' "$CODECS")" '>=' 400 MB/s
