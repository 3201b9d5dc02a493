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

-- What src/read/buckets.c finds; rule: a unit of date_trunc or a width of tsdb.time_bucket.  Rule and zone must be constants.
CREATE FUNCTION tsdb_test.bucket(rule text, zone text, "time" timestamptz, OUT from_time timestamptz, OUT until_time timestamptz) RETURNS record
    AS '$libdir/tsdb', 'tsdb_test_bucket' LANGUAGE C STRICT STABLE;
CREATE FUNCTION tsdb_test.bucket_count(rule text, zone text, "from" timestamptz, until timestamptz) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_bucket_count' LANGUAGE C STRICT STABLE;

-- Copies of the segments of a series as those of others, for benches; the table has one tag, an int4.
CREATE FUNCTION tsdb_test.clone_series(target regclass, source int4, first int4, last int4) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_clone_series' LANGUAGE C STRICT VOLATILE;

-- Range deletes as they are beneath DELETE, retention and the journal; series NULL = all.
CREATE FUNCTION tsdb_test.range_delete(target regclass, series int4[], "from" timestamptz, until timestamptz) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_range_delete' LANGUAGE C CALLED ON NULL INPUT VOLATILE;
CREATE FUNCTION tsdb_test.range_archive(target regclass, series int4[], "from" timestamptz, until timestamptz,
    OUT series_id int4, OUT first timestamptz, OUT last timestamptz, OUT samples int8, OUT is_archived bool, OUT stretch bytea) RETURNS SETOF record
    AS '$libdir/tsdb', 'tsdb_test_range_archive' LANGUAGE C CALLED ON NULL INPUT VOLATILE;
CREATE FUNCTION tsdb_test.range_restore(target regclass, series int4, stretches bytea[]) RETURNS int8
    AS '$libdir/tsdb', 'tsdb_test_range_restore' LANGUAGE C STRICT VOLATILE;

-- same(query, ours, theirs): the query on one table equals the query on the other, and what answered it.
CREATE FUNCTION tsdb_test.same(query text, ours text, theirs text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    differing bigint;
    line text;
    node text := 'rows';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line LIKE '%TsdbAggregate%' THEN node := 'summaries'; END IF;
    END LOOP;
    EXECUTE format('WITH a AS MATERIALIZED (%s), b AS MATERIALIZED (%s) '
                   'SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d',
                   query, replace(query, ours, theirs)) INTO differing;
    RETURN CASE WHEN differing > 0 THEN format('%s rows differ, from %s', differing, node) ELSE 'same, from ' || node END;
END $$;
