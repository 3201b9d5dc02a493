-- What the scripts ask the server about itself.
CREATE EXTENSION tsdb;
CREATE EXTENSION pgstattuple;
CREATE SCHEMA bench;

-- Processor time of this backend so far, in ms (clock ticks of 10 ms).
CREATE FUNCTION bench.cpu_ms() RETURNS float8 LANGUAGE sql VOLATILE AS $$
    SELECT (stat[12]::float8 + stat[13]::float8) * 10
    FROM regexp_split_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ') AS stat
$$;

-- Largest resident size of this backend so far, in kB, shared memory that it touched included.
CREATE FUNCTION bench.peak_kb() RETURNS int8 LANGUAGE sql VOLATILE AS $$
    SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+) kB')::int8
$$;

-- Bytes of relation files written by anybody since the server started: pages that the
-- checkpointer, the background writer and backends handed to the kernel, extensions included.
DO $do$
BEGIN
    IF current_setting('server_version_num')::int < 170000 THEN
        CREATE FUNCTION bench.written_bytes() RETURNS int8 LANGUAGE sql VOLATILE AS $$
            SELECT (buffers_checkpoint + buffers_clean + buffers_backend) * current_setting('block_size')::int8
            FROM pg_stat_bgwriter
        $$;
    ELSIF current_setting('server_version_num')::int < 180000 THEN
        CREATE FUNCTION bench.written_bytes() RETURNS int8 LANGUAGE sql VOLATILE AS $$
            SELECT sum((coalesce(writes, 0) + coalesce(extends, 0)) * op_bytes)::int8
            FROM pg_stat_io WHERE object = 'relation'
        $$;
    ELSE
        CREATE FUNCTION bench.written_bytes() RETURNS int8 LANGUAGE sql VOLATILE AS $$
            SELECT sum(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0))::int8
            FROM pg_stat_io WHERE object = 'relation'
        $$;
    END IF;
END
$do$;

-- Everything that belongs to the table, in bytes.
CREATE FUNCTION bench.bytes(target regclass) RETURNS int8 LANGUAGE sql VOLATILE AS 'SELECT pg_total_relation_size(target)';

-- Per cent of the storage heap of a tsdb table that holds live data and its headers.
CREATE FUNCTION bench.fill_percent(target regclass) RETURNS float8 LANGUAGE sql VOLATILE AS $$
    SELECT 100 - s.free_percent - s.dead_tuple_percent
    FROM pg_class c, pgstattuple(c.reltoastrelid::regclass) s WHERE c.oid = target
$$;
