# Every statement that Grafana's PostgreSQL data source sends, through the simple protocol as it does, with and
# without its TimescaleDB toggle: the same answer as in a database with a heap table of the same rows, and aggregates come from summaries.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('grafana', "max_parallel_workers_per_gather = 0");
my %side = (packed => 'tsdb', plain => 'heap');

# The role of the data source sees the schema of the extension only with the toggle.
$node->safe_psql('postgres', q{CREATE ROLE grafana LOGIN; CREATE ROLE grafana_toggle LOGIN; ALTER ROLE grafana_toggle SET search_path = "$user", public, tsdb});
foreach my $database (sort keys %side)
{
	my $am = $side{$database};
	my $cpu = $am eq 'tsdb' ? q{WITH (tags = 'host', sample_interval = '10s')} : '';
	my $events = $am eq 'tsdb' ? q{WITH (tags = 'metric1', sample_interval = '1s')} : '';

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION IF NOT EXISTS tsdb');
	$node->safe_psql($database, <<SQL);
CREATE TABLE cpu (time timestamptz NOT NULL, host text, value float8, cores int4) USING $am $cpu;
INSERT INTO cpu SELECT timestamptz '2020-08-01Z' + i * interval '10 s', h, CASE WHEN i % 50 = 7 THEN NULL ELSE round((50 + 40 * sin(i / 100.0) + ascii(h))::numeric, 2) END, i % 8
    FROM generate_series(0, 4319) i, unnest(ARRAY['a', 'b', 'web-1']) h;
CREATE TABLE test_data (native_date_time timestamptz NOT NULL, metric1 text, metric2 text, epoch_time int8, epoch_timeend int8, epoch_nano int8) USING $am $events;
INSERT INTO test_data SELECT to_timestamp(1523556000 + i * 20), 'metric ' || i % 3, 'note ' || i, 1523556000 + i * 20, 1523556000 + i * 20 + 30, (1523556000 + i * 20)::int8 * 1000000000 FROM generate_series(0, 40) i;
GRANT SELECT ON cpu, test_data TO grafana, grafana_toggle;
SQL
	$node->safe_psql($database, q{SELECT tsdb.compact('cpu'); SELECT tsdb.compact('test_data')}) if $am eq 'tsdb';
	# Later rows and corrections, not packed
	$node->safe_psql($database, <<SQL);
INSERT INTO cpu SELECT timestamptz '2020-08-01 12:00Z' + i * interval '10 s', h, i, 1 FROM generate_series(0, 99) i, unnest(ARRAY['a', 'c']) h;
UPDATE cpu SET value = value + 1 WHERE host = 'b' AND time >= '2020-08-01 03:00Z' AND time < '2020-08-01 03:10Z';
DELETE FROM cpu WHERE host = 'a' AND time >= '2020-08-01 05:00Z' AND time < '2020-08-01 05:01Z';
ANALYZE;
SQL
}

my $span = q{time BETWEEN '2020-08-01T00:00:00Z' AND '2020-08-01T06:00:00Z'};
my $odd_span = q{"time" BETWEEN '2020-08-01T00:02:03.5Z' AND '2020-08-01T12:07:00.123456789Z'};
# Answered from summaries
my @aggregates = (
	qq{SELECT floor(extract(epoch from time)/60)*60 AS "time", avg(value) AS value FROM cpu WHERE $span GROUP BY 1 ORDER BY 1},
	qq{SELECT floor(extract(epoch from time)/60)*60 AS "time", host AS metric, avg(value) AS value FROM cpu WHERE $span AND host IN ('a','b') GROUP BY 1, 2 ORDER BY 1, 2},
	qq{SELECT floor(extract(epoch from time)/60)*60 AS "time", avg(value) AS value, host FROM cpu WHERE $span GROUP BY 1, host ORDER BY 1},
	qq{SELECT AVG(value), floor(extract(epoch from time)/300)*300 AS "time" FROM cpu WHERE $span GROUP BY 2 ORDER BY 2 ASC LIMIT 50 ;},
	qq{SELECT floor(extract(epoch from "time")/1036800)*1036800 AS "time", sum("value"), count(*) FROM "cpu" WHERE $odd_span GROUP BY 1 ORDER BY 1},
	qq{SELECT floor(extract(epoch from "time")/1.0368e+06)*1.0368e+06 AS "time", sum("value"), count(*) FROM "cpu" WHERE $odd_span GROUP BY 1 ORDER BY 1},
	qq{SELECT floor(extract(epoch from time)/3600)*3600 AS "time", min(value), max(cores), count(value), stddev(value) FROM cpu WHERE $odd_span GROUP BY 1 ORDER BY 1},
	qq{SELECT floor(extract(epoch from "time")/300)*300 AS "time", AVG("value") AS "value" FROM "cpu" WHERE $odd_span AND ("host" = 'web-1') GROUP BY 1 ORDER BY 1 LIMIT 50},
	qq{SELECT time::date AS time, count(*) FROM cpu WHERE $odd_span GROUP BY 1 ORDER BY 1},
	qq{SELECT date_trunc('day', time AT TIME ZONE 'Europe/Berlin') AT TIME ZONE 'Europe/Berlin' AS "time", sum(value) FROM cpu WHERE $odd_span GROUP BY 1 ORDER BY 1},
	qq{SELECT date_trunc('hour', time) AS "time", host AS metric, max(value) FROM cpu WHERE $odd_span GROUP BY 1, 2 ORDER BY 1, 2},
	qq{SELECT host, avg(value) FROM cpu WHERE $odd_span AND host LIKE 'web%' GROUP BY host},
	qq{SELECT avg(value), count(*) FROM cpu WHERE time BETWEEN '2030-01-01T00:00:00Z' AND '2030-01-01T06:00:00Z'},
	# alerting: a row of one number
	qq{SELECT avg(value) AS value FROM cpu WHERE $span AND host = 'a'});
my @toggled = (
	qq{SELECT time_bucket('300.000s',time) AS "time", min(value), max(value), avg(value) FROM cpu WHERE $span GROUP BY 1 ORDER BY 1},
	qq{SELECT time_bucket('1036800.000s',time) AS "time", avg(value) FROM cpu WHERE $odd_span GROUP BY 1 ORDER BY 1},
	qq{SELECT time_bucket('60.000s',time) AS "time", avg(value) AS value, host AS metric FROM cpu WHERE $span GROUP BY 1, host ORDER BY 1},
	qq{SELECT time_bucket('3600.000s',"time") AS "time", avg("value") AS "value", "host" FROM "cpu" WHERE $odd_span GROUP BY time_bucket('3600.000s',"time"), host ORDER BY 1},
	qq{SELECT time_bucket('1 day', time, 'America/Havana') AS "time", last(value, time), first(value, time) FROM cpu WHERE $odd_span AND host = 'a' GROUP BY 1 ORDER BY 1});
# Too narrow for summaries; any plan
my @narrow = (qq{SELECT floor(extract(epoch from time)/0.02)*0.02 AS "time", avg(value) FROM cpu WHERE $span AND host = 'a' GROUP BY 1 ORDER BY 1});
my @narrow_toggled = (qq{SELECT time_bucket('0.020s',time) AS "time", avg(value) FROM cpu WHERE $span AND host = 'a' GROUP BY time_bucket('0.020s',time)});
my @raw = (
	qq{SELECT time AS "time", value FROM cpu WHERE $span AND host = 'b' ORDER BY 1},
	qq{SELECT time AS "time", value FROM cpu WHERE $odd_span AND host = 'a' ORDER BY time DESC LIMIT 1},
	qq{SELECT "time" AS "time", "value", "host" FROM "cpu" WHERE $odd_span ORDER BY "time", "host" LIMIT 50 },
	q{SELECT extract(epoch from time) as "time", value FROM cpu WHERE time >= '2020-08-01T02:00:00Z' AND time <= '2020-08-01T02:01:00Z' AND host = 'b' ORDER BY 1},
	q{SELECT time AS "time", host AS metric, value FROM cpu WHERE time BETWEEN '1960-02-01T07:00:00.5Z' AND '1960-02-01T08:00:00Z' ORDER BY 1},
	# the column "time" hides the alias: rows, not buckets
	qq{SELECT floor(extract(epoch from time)/60)*60 AS time, avg(value) FROM cpu WHERE $span GROUP BY time ORDER BY time},
	# grouping by a value
	q{SELECT floor((epoch_time)/300)*300 AS "time", count(*) FROM test_data WHERE epoch_time >= 1523556000 AND epoch_time <= 1523556300 GROUP BY 1 ORDER BY 1},
	q{SELECT epoch_nano AS "time", metric1 FROM test_data WHERE epoch_nano >= 1523556000000000000 AND epoch_nano <= 1523556300000000000 ORDER BY 1},
	# annotations
	q{SELECT epoch_time as time, metric1 as text, concat_ws(', ', metric1::text, metric2::text) as tags FROM public.test_data WHERE epoch_time >= 1523556000 AND epoch_time <= 1523556300},
	q{SELECT epoch_time as time, epoch_timeend as timeend, metric1 as text, concat_ws(', ', metric1::text, metric2::text) as tags FROM public.test_data WHERE epoch_time >= 1523556000 AND epoch_time <= 1523556300},
	q{SELECT native_date_time as time, metric1 as text, concat_ws(', ', metric1::text, metric2::text) as tags FROM public.test_data WHERE native_date_time BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00Z'},
	# several statements in one string
	qq{SELECT count(*) FROM cpu WHERE $span; SELECT count(*) FROM cpu WHERE $odd_span});
# From the series catalogue
my @catalogue = (
	q{SELECT DISTINCT host FROM cpu},
	q{SELECT DISTINCT host FROM cpu WHERE host LIKE '%web%' ORDER BY 1},
	q{SELECT DISTINCT "host" FROM "public"."cpu" WHERE "host" IS NOT NULL ORDER BY "host" LIMIT 100},
	q{SELECT 'host' AS col_name, "host"::text AS val FROM (SELECT DISTINCT "host" FROM "public"."cpu" WHERE "host" IS NOT NULL ORDER BY "host" LIMIT 100) sub_0 UNION ALL SELECT 'metric1' AS col_name, "metric1"::text AS val FROM (SELECT DISTINCT "metric1" FROM "public"."test_data" WHERE "metric1" IS NOT NULL ORDER BY "metric1" LIMIT 100) sub_1});

my $outside = q{('information_schema','pg_catalog','_timescaledb_cache','_timescaledb_catalog','_timescaledb_internal','_timescaledb_config','timescaledb_information','timescaledb_experimental')};
my $in_path = <<'SQL';
quote_ident(table_schema) IN (
SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1)) as i, string_to_array(current_setting('search_path'),',') s)
SQL
my @meta = (
	q{SELECT current_setting('server_version_num')::int/100 as version},
	q{SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'},
	q{SELECT schema_name AS "name" FROM information_schema.schemata WHERE schema_name NOT IN ('information_schema','pg_catalog','pg_toast','_timescaledb_cache','_timescaledb_catalog','_timescaledb_internal','_timescaledb_config','timescaledb_information','timescaledb_experimental') ORDER BY schema_name},
	qq{SELECT CASE WHEN $in_path THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table" FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN $outside ORDER BY CASE WHEN $in_path THEN 0 ELSE 1 END, 1},
	q{SELECT quote_ident(table_name) AS "table" FROM information_schema.tables WHERE quote_ident(table_schema) = 'public' ORDER BY 1},
	qq{SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns WHERE CASE WHEN array_length(parse_ident('cpu'),1) = 2 THEN quote_ident(table_schema) = (parse_ident('cpu'))[1] AND quote_ident(table_name) = (parse_ident('cpu'))[2] ELSE quote_ident(table_name) = 'cpu' AND $in_path END},
	q{SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT LIKE 'pg_%' AND schema_name != 'information_schema' ORDER BY schema_name},
	q{PREPARE tables AS SELECT table_name FROM information_schema.tables WHERE table_schema = $1 AND table_type IN ('BASE TABLE','VIEW') ORDER BY table_name; EXECUTE tables('public')},
	q{PREPARE columns AS SELECT column_name, data_type, udt_name, numeric_precision, numeric_scale FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position; EXECUTE columns('public', 'cpu')});

# answer database role zone sql - what psql prints, in order if the statement says one
sub answer
{
	my ($database, $role, $zone, $sql) = @_;
	my ($out, $err) = ('', '');

	local $ENV{PGTZ} = $zone;
	$node->psql($database, $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ]);
	is($err, '', "$database answers: $sql") if $err ne '';
	my @rows = split /\n/, $out;
	@rows = sort @rows unless $sql =~ /ORDER BY 1\s*(, 2)?( LIMIT 50 ?)?$|ORDER BY "time", "host" LIMIT/;
	return @rows;
}

# same_cell - text, or numbers within what the order of additions does
sub same_cell
{
	my ($left, $right) = @_;

	return 1 if $left eq $right;
	return 0 unless $left =~ /^-?[\d.]+(?:e[-+]\d+)?$/ && $right =~ /^-?[\d.]+(?:e[-+]\d+)?$/;
	return abs($left - $right) <= 1e-12 * (abs($left) > abs($right) ? abs($left) : abs($right));
}

sub same_rows
{
	my ($ours, $theirs) = @_;

	return 0 unless @$ours == @$theirs;
	foreach my $i (0 .. $#$ours)
	{
		my @left = split /\|/, $ours->[$i], -1;
		my @right = split /\|/, $theirs->[$i], -1;
		return 0 unless @left == @right;
		foreach my $j (0 .. $#left)
		{
			return 0 unless same_cell($left[$j], $right[$j]);
		}
	}
	return 1;
}

sub check
{
	my ($role, $zone, $sql) = @_;
	my @ours = answer('packed', $role, $zone, $sql);
	my @theirs = answer('plain', $role, $zone, $sql);

	# The order of rows that ORDER BY leaves open
	@$_ = sort @$_ foreach $sql =~ /, host(?: AS metric)? .*ORDER BY 1$|host ORDER BY 1$/ ? (\@ours, \@theirs) : ();
	ok(same_rows(\@ours, \@theirs), "$role, $zone: " . ($sql =~ s,\s+, ,gr)) or diag("tsdb:\n@ours[0 .. ($#ours > 9 ? 9 : $#ours)]\nheap:\n@theirs[0 .. ($#theirs > 9 ? 9 : $#theirs)]");
	return scalar @theirs;
}

sub plan_of
{
	my ($role, $sql) = @_;

	return join("\n", answer('packed', $role, 'UTC', "EXPLAIN (COSTS OFF) $sql"));
}

foreach my $zone ('UTC', 'America/St_Johns')
{
	foreach my $role ('grafana', 'grafana_toggle')
	{
		my $rows = 0;
		$rows += check($role, $zone, $_) foreach @aggregates, @raw, @catalogue, @narrow, ($role eq 'grafana' ? () : (@toggled, @narrow_toggled));
		cmp_ok($rows, '>', 5000, "$role, $zone: statements have answers");
	}
}
like(plan_of('grafana', $_), qr/Custom Scan \(TsdbAggregate\)/, "from summaries: $_") foreach @aggregates;
like(plan_of('grafana_toggle', $_), qr/Custom Scan \(TsdbAggregate\)/, "from summaries: $_") foreach @toggled;
like(plan_of('grafana', $_), qr/One Row Per Series/, "from the catalogue: $_") foreach @catalogue;

# What the query editor asks first.  Of the extension it sees the views that are granted to all.
my $views = $node->safe_psql('packed', "SELECT string_agg(relname, '|') FROM pg_class WHERE relnamespace = 'tsdb'::regnamespace AND relkind = 'v'");
foreach my $role ('grafana', 'grafana_toggle')
{
	check($role, 'UTC', $_) foreach @meta;
	is(join(',', answer('packed', $role, 'UTC', $meta[1])), '', "$role: the toggle does not switch itself on");
	is(join(',', answer('packed', $role, 'UTC', $meta[4])), 'cpu,test_data', "$role: tables of public");
	my @tables = answer('packed', $role, 'UTC', $meta[3]);
	is_deeply([ grep { !/^(?:cpu|test_data|(?:tsdb\.)?(?:$views))$/ } @tables ], [], "$role: no inner tables in the list");
	is(join(',', answer('packed', $role, 'UTC', $meta[5])), '"time"|timestamp with time zone,cores|integer,host|text,value|double precision', "$role: types of columns");
}
# The newest back end sends them with parameters
my $script = $node->basedir . '/schema.sql';
append_to_file($script, "SELECT count(*) FROM cpu WHERE host <> :schema::text AND cores = :number;\nSELECT table_name FROM information_schema.tables WHERE table_schema = :schema::text ORDER BY table_name;\n");
$node->command_ok([ 'pgbench', '-n', '-t', '2', '-M', 'extended', '-D', 'schema=public', '-D', 'number=3', '-f', $script, '-h', $node->host, '-p', $node->port, '-U', 'grafana', 'packed' ], 'extended protocol');
$node->stop;
done_testing();
