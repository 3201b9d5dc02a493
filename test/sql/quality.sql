-- Quality codes: names, classes, OPC DA, the aggregate.
\set SHOW_CONTEXT never
SELECT tsdb.quality('good'), tsdb.quality('Bad_SensorFailure') = tsdb.quality('bad_sensor_failure') AS same, to_hex(tsdb.quality('bad_sensor_failure')) AS hex;
SELECT tsdb.quality_name(0), tsdb.quality_name(1073741824), tsdb.quality_name(-2147483648), tsdb.quality_name(tsdb.quality('bad_sensor_failure'));
-- literals, expressions, numbers, parameters, views
SELECT to_hex(tsdb.quality('bad' || '')), to_hex(tsdb.quality('0x80ff0001')), tsdb.quality(5), '7'::tsdb.quality;
PREPARE named(text) AS SELECT to_hex(tsdb.quality($1));
EXECUTE named('bad');
CREATE VIEW codes AS SELECT tsdb.quality('bad_sensor_failure') AS code;
SELECT pg_get_viewdef('codes');
TABLE codes;
DROP VIEW codes;
-- any code comes back from its name
SELECT count(*) FROM generate_series(-2147483648, 2147483647, 65537) code WHERE tsdb.quality(tsdb.quality_name(code::int4)) <> code;
SELECT q, tsdb.is_good(q), tsdb.is_uncertain(q), tsdb.is_bad(q)
    FROM unnest(ARRAY[0, 1073741823, 1073741824, 2147483647, -2147483648, -1, NULL]) q;
SELECT da, to_hex(tsdb.quality_from_da(da)), tsdb.quality_to_da(tsdb.quality_from_da(da)) FROM unnest(ARRAY[0, 192, 64, 16, 216]) da;
SELECT tsdb.quality_name(tsdb.worst(q)) FROM unnest(ARRAY[0, 1073741824, -2147483648, 0, tsdb.quality('bad_sensor_failure')]) q;
SELECT tsdb.worst(q) FROM unnest(ARRAY[]::int4[]) q;
SELECT tsdb.worst(q) FROM unnest(ARRAY[NULL, 5]) q;
-- a column
CREATE TABLE q (time timestamptz, v float8, v_quality tsdb.quality) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO q (time, v) VALUES ('2024-01-01Z', 1);
INSERT INTO q VALUES ('2024-01-02Z', 2, tsdb.quality('uncertain_last_usable_value'));
SELECT v, tsdb.quality_name(v_quality) FROM q WHERE NOT tsdb.is_bad(v_quality);
DROP TABLE q;
-- what does not exist
SELECT tsdb.quality('rotten');
SELECT tsdb.quality('');
SELECT tsdb.quality_from_da(65536);
SELECT tsdb.quality_from_da(-1);
