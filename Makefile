# tsdb: time series tables for PostgreSQL.  `make help` prints the verbs.

MODULE_big = tsdb
EXTENSION = tsdb
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" tsdb.control)
DATA_built = sql/tsdb--$(EXTVERSION).sql
SRC = $(sort $(wildcard src/*.c src/*/*.c))
OBJS = $(SRC:.c=.o)
SHLIB_LINK = -llz4 -lmicrohttpd -lz
PG_CPPFLAGS = -Isrc -MMD -MP
PG_CFLAGS = -Wextra -Wno-unused-parameter -ffp-contract=off
override with_llvm = no

# `make installcheck` wants a running server with tsdb preloaded; `make test` brings its own, with tsdb_test in it.
REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(shell grep -L tsdb_test test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=tsdb
EXTRA_CLEAN = build results regression.diffs regression.out $(SRC:.c=.d) sql/tsdb--*.sql

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
.DEFAULT_GOAL := all

ifneq ($(PGXS),)
include $(PGXS)
-include $(wildcard $(SRC:.c=.d))
else
all install:
	@echo "no PostgreSQL server headers for $(PG_CONFIG); make run and make test install them"; exit 1
endif

sql/tsdb--$(EXTVERSION).sql: sql/tsdb.sql
	cp $< $@

# Verbs.  Each is a script of the same name in test/setup.
STAGES = unit fuzz-replay regress isolation tap prove
VERBS = run lint format format-check fuzz asan bench coverage compdb soak zones majors assert-server
# help: all, install   build the extension; install it into the server of PG_CONFIG
# help: run            throwaway server with live and simulated data, example queries, psql
# help: test           every test, in throwaway clusters; or one stage of it:
# help:                unit fuzz-replay regress isolation tap prove
# help: lint           the rules of docs/CONTRIBUTING.md that a script can check
# help: format         clang-format the tree; format-check only looks
# help: fuzz           libFuzzer: make fuzz T=codec TIME=60; without T every target
# help: asan           unit tests and fuzz corpora under address and undefined sanitizers
# help: bench          ingest, size and queries beside heap and other databases
# help: coverage       line coverage of the pure C tests
# help: compdb         compile_commands.json for editors
# help: soak           the randomised test against a heap twin: make soak TIME=3600
# help: zones          buckets and local time in every zone there is, at every change of its clock; hours
# help: majors         build and test on PostgreSQL 17 and 18 in chroots (root)
# help: assert-server  build the PostgreSQL 15 with assertions that CI uses

.PHONY: help test $(STAGES) $(VERBS)
help:
	@sed -n 's/^# help: /  /p' Makefile
test:
	@PG_CONFIG=$(PG_CONFIG) test/setup/test.sh $(STAGES)
$(STAGES):
	@PG_CONFIG=$(PG_CONFIG) test/setup/test.sh $@
$(VERBS):
	@PG_CONFIG=$(PG_CONFIG) T='$(T)' TIME='$(TIME)' test/setup/$@.sh
