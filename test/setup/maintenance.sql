-- Maintenance step by step, for tests only.
CREATE SCHEMA IF NOT EXISTS tsdb_test;
-- mode: tiers, aged or full; returns how many runs are gone
CREATE OR REPLACE FUNCTION tsdb_test.compact(target regclass, mode text) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_compact' LANGUAGE C STRICT;
-- what the worker does for option retention; returns how many samples are gone
CREATE OR REPLACE FUNCTION tsdb_test.retain(target regclass, before timestamptz) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_retain' LANGUAGE C STRICT;
