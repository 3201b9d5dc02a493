-- The last 90 days of two simulated plants, a sample a minute: a daily cycle on the
-- plant's own clock, a slow random walk, noise, and sensors that fail now and then.
SELECT setseed(0.42);

INSERT INTO boiler (time, plant, sensor, value, quality)
WITH sensor (plant, sensor, base, daily, walk, noise, decimals) AS (VALUES
    ('antofagasta', 'steam_temperature', 478.0, 22.0, 0.08, 0.30, 1),
    ('antofagasta', 'steam_pressure',     96.0,  5.0, 0.02, 0.05, 2),
    ('antofagasta', 'feed_flow',         210.0, 40.0, 0.20, 1.00, 1),
    ('antofagasta', 'drum_level',         52.0,  1.5, 0.02, 0.20, 1),
    ('antofagasta', 'ambient',            17.0,  5.5, 0.01, 0.05, 2),
    ('newcastle',   'steam_temperature', 538.0,  4.0, 0.05, 0.40, 1),
    ('newcastle',   'steam_pressure',    162.0,  2.0, 0.03, 0.08, 2),
    ('newcastle',   'feed_flow',         640.0, 55.0, 0.40, 2.00, 1),
    ('newcastle',   'drum_level',         50.0,  0.8, 0.02, 0.30, 1),
    ('newcastle',   'ambient',            19.0,  4.0, 0.01, 0.05, 2)
), drawn AS (
    SELECT s.*, t.time, t.time AT TIME ZONE p.timezone AS clock,
           sum(random() - 0.5) OVER (PARTITION BY s.plant, s.sensor ORDER BY t.time) AS steps,
           random() - 0.5 AS jitter,
           abs(hashtextextended(s.plant || s.sensor || (extract(epoch FROM t.time)::bigint / 1800), 0)) % 1000 AS fate
    FROM sensor s
    JOIN plant p ON p.name = s.plant
    CROSS JOIN generate_series(date_trunc('minute', now()) - interval '90 days',
                               date_trunc('minute', now()), interval '1 minute') AS t (time)
)
SELECT time, plant, sensor,
       -- a failed sensor sends nothing, a doubtful one its last usable value
       CASE WHEN fate < 4 THEN NULL
            ELSE round((base + daily * sin(2 * pi() * (extract(epoch FROM clock::time)::float8 / 86400 - 0.375))
                        + walk * steps + CASE WHEN fate < 12 THEN 0 ELSE noise * jitter END)::numeric, decimals) END,
       CASE WHEN fate < 4 THEN tsdb.quality('bad_sensor_failure')
            WHEN fate < 12 THEN tsdb.quality('uncertain_last_usable_value')
            ELSE tsdb.quality('good') END
FROM drawn
ORDER BY plant, sensor, time;

-- The same rows in an ordinary table with the usual index, to compare with.
CREATE TABLE boiler_heap (LIKE boiler) USING heap;
INSERT INTO boiler_heap SELECT * FROM boiler;
CREATE INDEX ON boiler_heap (plant, sensor, time);

SELECT tsdb.compact('boiler');
ANALYZE boiler;
ANALYZE boiler_heap;
