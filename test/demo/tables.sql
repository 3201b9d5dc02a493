-- Tables of `make run`.
CREATE EXTENSION tsdb;

-- This machine, sampled every second by feeder.pl.
CREATE TABLE machine (
    time    timestamptz NOT NULL,
    host    text NOT NULL,
    metric  text NOT NULL,
    device  text,
    value   float8
) USING tsdb WITH (tags = 'host,metric,device', sample_interval = '1s');

-- Two simulated plants.
CREATE TABLE boiler (
    time    timestamptz NOT NULL,
    plant   text NOT NULL,
    sensor  text NOT NULL,
    value   float8,
    quality tsdb.quality
) USING tsdb WITH (tags = 'plant,sensor', sample_interval = '1s');

CREATE TABLE plant (name text PRIMARY KEY, timezone text NOT NULL);
-- What the series of a plant have in common.
SELECT tsdb.set_series('boiler', '{"plant": "antofagasta"}', timezone => 'America/Santiago'),
       tsdb.set_series('boiler', '{"plant": "newcastle"}', timezone => 'Australia/Sydney'),
       tsdb.set_series('boiler', '{"sensor": "steam_temperature"}', unit => 'degC', high => 545),
       tsdb.set_series('boiler', '{"sensor": "steam_pressure"}', unit => 'bar'),
       tsdb.set_series('boiler', '{"sensor": "ambient"}', unit => 'degC');

INSERT INTO plant VALUES ('antofagasta', 'America/Santiago'), ('newcastle', 'Australia/Sydney');
