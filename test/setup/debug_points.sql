-- Lets a test stop or fail backends at named places; see src/pg/debug_point.h.
-- The extension is loaded; tsdb.debug_points must be on in the sessions concerned.
CREATE SCHEMA tsdb_test;
GRANT USAGE ON SCHEMA tsdb_test TO public;
CREATE FUNCTION tsdb_test.debug_point_hold(name text) RETURNS void
    AS '$libdir/tsdb', 'tsdb_debug_point_hold' LANGUAGE C STRICT VOLATILE;
CREATE FUNCTION tsdb_test.debug_point_release(name text) RETURNS boolean
    AS '$libdir/tsdb', 'tsdb_debug_point_release' LANGUAGE C STRICT VOLATILE;
CREATE FUNCTION tsdb_test.debug_point_error(names text) RETURNS void
    AS '$libdir/tsdb', 'tsdb_debug_point_error' LANGUAGE C STRICT VOLATILE;

-- Maintenance step by step.  mode: tiers, aged or full; returns how many runs are gone.
CREATE FUNCTION tsdb_test.compact(target regclass, mode text) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_compact' LANGUAGE C STRICT VOLATILE;
-- What the worker does for option retention; returns how many samples are gone.
CREATE FUNCTION tsdb_test.retain(target regclass, before timestamptz) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_retain' LANGUAGE C STRICT VOLATILE;
