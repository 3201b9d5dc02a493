# Unit tests, fuzz targets and benches of the pure folders; no server needed.
#   make -f test/setup/pure.mk FLAVOUR=gcc|asan|coverage|fuzz [unit] [fuzz] [bench]
# Results: build/pure-$(FLAVOUR)/test/unit/*_test, test/fuzz/*_fuzz, test/bench/*_bench

FLAVOUR = gcc
OUT = build/pure-$(FLAVOUR)
LIBS = -llz4 -lz -lm
WARN = -Wall -Wextra -Wno-unused-parameter -Wdeclaration-after-statement -Wvla -Wmissing-prototypes

CC_gcc = gcc
CFLAGS_gcc = -O2 -g
CC_asan = gcc
CFLAGS_asan = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DTSDB_NO_SIMD
CC_coverage = gcc
CFLAGS_coverage = -O0 -g --coverage -DTSDB_NO_SIMD
CC_fuzz = clang
CFLAGS_fuzz = -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_LINK_fuzz = -fsanitize=fuzzer
CC := $(CC_$(FLAVOUR))
CFLAGS := $(CFLAGS_$(FLAVOUR)) $(WARN) -std=gnu99 -Isrc -Itest/unit -MMD -MP

PURE = $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard src/base/*.c src/codec/*.c src/format/*.c src/proto/*.c)))
UNIT = $(patsubst %.c,$(OUT)/%,$(sort $(wildcard test/unit/*_test.c)))
FUZZ = $(patsubst %.c,$(OUT)/%,$(sort $(wildcard test/fuzz/*_fuzz.c)))
BENCH = $(patsubst %.c,$(OUT)/%,$(sort $(wildcard test/bench/*_bench.c)))
# Everywhere but under libFuzzer a main() replays the corpus.
REPLAY = $(if $(FUZZ_LINK_$(FLAVOUR)),,$(OUT)/test/fuzz/replay_main.o)

.PHONY: unit fuzz bench
.SECONDARY:
unit: $(UNIT)
fuzz: $(FUZZ)
bench: $(BENCH)

$(UNIT) $(BENCH): %: %.o $(PURE)
	$(CC) $(CFLAGS) -o $@ $^ $(LIBS)
$(FUZZ): %: %.o $(PURE) $(REPLAY)
	$(CC) $(CFLAGS) $(FUZZ_LINK_$(FLAVOUR)) -o $@ $^ $(LIBS)
$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
