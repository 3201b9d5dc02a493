# TsdbAggregateTwin.pm - a tsdb table m and its heap twin h for aggregate queries:
# columns whose values are hard to sum, times around changes of clocks, partitions.
#
# A change is a list of statements.  Times are on the grid and a statement has each key once, so
# the twin needs no more than an upsert.
package TsdbAggregateTwin;

use strict;
use warnings;
use Exporter 'import';
use List::Util qw(shuffle);

our @EXPORT_OK = qw(pick chance weighted);

# grid: distances of samples in us, block intervals
my %GRIDS = (
	1 => { steps => [ 1, 333, 20_000, 1_000_000 ], blocks => [ '1ms', '1s', '1m' ] },
	1000 => { steps => [ 1000, 7000, 20_000, 1_000_000 ], blocks => [ '100ms', '1s', '1m', '1h' ] },
	1_000_000 => { steps => [ 1_000_000, 10_000_000, 60_000_000, 900_000_000, 3_600_000_000 ], blocks => [ '1m', '15m', '1h', '6h', '1d' ] },
	60_000_000 => { steps => [ 60_000_000, 900_000_000, 3_600_000_000, 43_200_000_000 ], blocks => [ '15m', '1h', '1d', '4d' ] },
	86_400_000_000 => { steps => [86_400_000_000], blocks => [ '4d', '32d' ] });
# Of these the summaries of parts of blocks, of groups and of segments can be used.
my %PROFILES = (
	any => {},
	dense => { grids => [1_000_000], step_us => [ 1_000_000, 2_000_000 ], nrows => 18_000, most_series => 2 },
	days => { grids => [ 1_000_000, 60_000_000 ], step_us => [60_000_000], nrows => 18_000, most_series => 3 },
	months => { grids => [ 1_000_000, 60_000_000 ], step_us => [ 900_000_000, 3_600_000_000 ], nrows => 12_000, most_series => 4 });
my @BASES = (
	'2024-03-30 20:00+00', '2024-10-26 18:00+00', '2024-04-06 03:00+00', '2011-12-29 06:00+00', '2024-09-07 20:00+00', '1969-12-31 20:00+00',
	'1999-12-31 23:50+00', '2000-01-01 00:00+00', '1893-03-31 12:00+00', '2024-02-28 12:00+00', '2031-12-20 00:00+00',
	'2603-12-31 20:00+00', '0007-03-01 20:00+00');
my %TAG_VALUES = (
	text => [ "'a'", "'b'", "'c'", "''", 'NULL', "'Grüße'", "'a%_b'" ],
	int4 => [ 0, 1, 2, -7, 'NULL', 2147483647 ],
	bool => [ 'true', 'false', 'NULL' ],
	date => [ "'2020-02-29'", "'1969-12-31'", 'NULL' ],
	float8 => [ '0', '1.5', "'NaN'", 'NULL', "'-Infinity'" ]);

# Values of row i of series s.  "wild": sums may overflow; "mixed": whether they do depends on the order.
my %KINDS = (
	float8 => [
		{ sql => "round((sin(i / 30.0) * 100 + s)::numeric, 2)::float8" },
		{ sql => "sqrt(abs(i)) * 1.1 + s" },
		{ sql => 'i * 0.1' },
		{ sql => '20.5::float8' },
		{ sql => '0.1::float8' },
		{ sql => "CASE WHEN i % 7 < 3 THEN NULL ELSE round((cos(i / 10.0) * 10)::numeric, 1)::float8 END" },
		{ sql => "CASE WHEN i % 97 = 0 THEN float8 'NaN' WHEN i % 101 = 5 THEN float8 'Infinity' WHEN i % 5 = 0 THEN float8 '-0' ELSE i END::float8" },
		{ sql => "CASE WHEN i % 101 = 5 THEN float8 'Infinity' WHEN i % 103 = 7 THEN float8 '-Infinity' ELSE i / 8.0 END::float8" },
		{ sql => "CASE WHEN i = 100 THEN float8 'NaN' ELSE i % 10 END::float8" },
		{ sql => "CASE WHEN i % 3 = 0 THEN float8 '-0' ELSE float8 '0' END::float8" },
		{ sql => "((abs(i) % 1000 + 1) * 1e305)::float8", wild => 1 },
		{ sql => "(CASE WHEN i % 2 = 0 THEN 1.7e308 ELSE -1.7e308 END)::float8", wild => 1, mixed => 1 },
		{ sql => "sin(i) * 1e160::float8", wild => 1 },
		{ sql => "(CASE WHEN i % 2 = 0 THEN 1e15 + 0.5 ELSE -1e15 END)::float8" },
		{ sql => "1e9 + sin(i)" },
		{ sql => "'5e-324'::float8 * (i % 50)" },
		{ sql => "CASE WHEN (i / 300) % 2 = 0 THEN i % 3 END::float8" },
		{ sql => "NULL::float8" } ],
	float4 => [
		{ sql => '((i % 500) / 8.0)::float4' },
		{ sql => 'sin(i)::float4' },
		{ sql => "CASE WHEN i % 13 = 0 THEN NULL WHEN i % 91 = 1 THEN float8 'NaN' ELSE i % 7 END::float4" },
		{ sql => "CASE WHEN i % 91 = 1 THEN float8 '-Infinity' WHEN i % 4 = 0 THEN float8 '-0' ELSE i END::float4" },
		{ sql => "((abs(i) % 100 + 1) * 1e36)::float4", wild => 1 },
		{ sql => "(CASE WHEN i % 2 = 0 THEN 3e38 ELSE -3e38 END)::float4", wild => 1, mixed => 1 } ],
	int2 => [
		{ sql => '(i % 60000 - 30000)::int2' }, { sql => 'CASE WHEN i % 9 > 1 THEN i % 3 END::int2' },
		{ sql => '(CASE WHEN i % 2 = 0 THEN 32767 ELSE -32768 END)::int2' } ],
	int4 => [
		{ sql => 'i * 7 - 5000' }, { sql => 'CASE WHEN i % 50 <> 0 THEN i % 20 END' }, { sql => '2147483647' },
		{ sql => 'CASE WHEN i % 2 = 0 THEN 2147483647 ELSE -2147483648 END' } ],
	int8 => [
		{ sql => 'i::int8 * 1000000007 - 3' }, { sql => '9223372036854775807 - abs(i)' }, { sql => 'NULL::int8' },
		{ sql => "CASE WHEN i % 3 = 0 THEN 9223372036854775807 ELSE '-9223372036854775808'::int8 + abs(i) END" },
		{ sql => 'CASE WHEN i % 6 > 0 THEN i % 100 END::int8' } ],
	bool => [ { sql => 'i % 3 = 0' }, { sql => 'CASE WHEN i % 40 <> 0 THEN i % 100 < 50 END' }, { sql => 'true' } ],
	text => [ { sql => "'state ' || i / 50" }, { sql => "CASE WHEN i % 10 <> 0 THEN repeat(chr(65 + abs(i) % 26), abs(i) % 5) END" } ],
	timestamptz => [
		{ sql => "timestamptz '2000-01-01' + i * interval '17 min'" },
		{ sql => "CASE WHEN i % 77 = 0 THEN timestamptz 'infinity' WHEN i % 5 > 0 THEN timestamptz '1960-01-01' + i * interval '1 day' END" } ],
	date => [ { sql => "date '2000-01-01' + i % 4000" }, { sql => "CASE WHEN i % 77 = 0 THEN date '-infinity' WHEN i % 5 > 0 THEN date '1960-01-01' + i END" } ],
	'tsdb.quality' => [
		{ sql => 'CASE WHEN i % 100 < 3 THEN -2147483648 WHEN i % 50 = 7 THEN 1073741824 WHEN i % 11 > 0 THEN 0 END' },
		{ sql => '0' },
		{ sql => 'CASE WHEN (i / 100) % 2 = 0 THEN -2146500608 ELSE 0 END' } ]);
my @TYPE_WEIGHTS = (float8 => 10, float4 => 3, int2 => 2, int4 => 3, int8 => 3, bool => 2, text => 1, timestamptz => 1, date => 1);

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# weighted(name => weight, ...)
sub weighted
{
	my @pairs = @_;
	my $total = 0;

	$total += $pairs[ 2 * $_ + 1 ] foreach 0 .. @pairs / 2 - 1;
	my $at = rand($total);
	while (@pairs > 2 && ($at -= $pairs[1]) >= 0)
	{
		splice(@pairs, 0, 2);
	}
	return $pairs[0];
}

# new TsdbAggregateTwin - decide on the tables; nothing is made yet
sub new
{
	my ($class) = @_;
	my %profile = %{ $PROFILES{ weighted(any => 6, dense => 2, days => 2, months => 2) } };
	my $grid_us = pick($profile{grids} ? @{ $profile{grids} } : sort { $a <=> $b } keys %GRIDS);
	my $self = bless {
		grid_us => $grid_us,
		step_us => $profile{step_us} ? pick(@{ $profile{step_us} }) : pick(@{ $GRIDS{$grid_us}{steps} }),
		block => chance(0.5) ? undef : pick(@{ $GRIDS{$grid_us}{blocks} }),
		base => $grid_us == 86_400_000_000 ? '2023-12-31 00:00+00' : pick(@BASES),
		irregular => !$profile{step_us} && chance(0.3) ? 1 + int(rand(12)) : 0,
		parts => weighted('' => 6, time => 2, list => 1, shuffled => 1, mixed => 1),
		most_series => $profile{most_series} // 9,
		ncolumns => 0,
		columns => [] }, $class;

	$self->decide_tags;
	$self->add_column(weighted(@TYPE_WEIGHTS)) foreach 1 .. 2 + int(rand(6));
	$self->add_column('tsdb.quality', 'quality') if chance(0.4);
	$self->{nrows} = 1 + int(($profile{nrows} // (chance(0.15) ? 30 : 500 + rand(4000))) / @{ $self->{series} });
	$self->{parts} = 'time' if $self->{parts} eq 'list' && !@{ $self->{tags} };
	return $self;
}

sub decide_tags
{
	my ($self) = @_;
	my @types = @{ pick([], ['text'], ['text'], ['int4'], [ 'text', 'int4' ], [ 'text', 'int4', 'bool' ], [ 'date', 'text' ], ['float8']) };
	my %seen;

	$self->{tags} = [ map { { name => "tag$_", type => $types[ $_ - 1 ], is_tag => 1 } } 1 .. @types ];
	foreach (1 .. 1 + int(rand($self->{most_series})))
	{
		my @values = map { $self->tag_literal($_->{type}) } @{ $self->{tags} };
		push @{ $self->{series} }, \@values if !$seen{"@values"}++;
	}
	return;
}

sub add_column
{
	my ($self, $type, $name) = @_;
	my $column = { type => $type, name => $name // ('c' . ++$self->{ncolumns} . '_' . ($type =~ /(\w+)$/)[0]), %{ pick(@{ $KINDS{$type} }) } };

	push @{ $self->{columns} }, $column;
	return $column;
}

sub tag_literal { my ($self, $type) = @_; return '(' . pick(@{ $TAG_VALUES{$type} }) . ")::$type"; }
sub keys_text { my ($self) = @_; return join(', ', (map { $_->{name} } @{ $self->{tags} }), 'time'); }
sub names { my ($self) = @_; return join(', ', $self->keys_text, map { $_->{name} } @{ $self->{columns} }); }

# time_of(i) - SQL for the time of row number i; i may be SQL
sub time_of
{
	my ($self, $i) = @_;
	my $jump = $self->{irregular} ? " + abs($i * 7919 % $self->{irregular}) * interval '$self->{grid_us} us'" : '';

	$i = "($i)" if $i =~ /^-/;
	return "(timestamptz '$self->{base}' + $i * interval '" . $self->{step_us} * ($self->{irregular} ? $self->{irregular} + 1 : 1) . " us'$jump)";
}

# tables - those that hold rows of m and can be compacted
sub tables
{
	my ($self) = @_;
	my %tables = ('' => ['m'], time => [qw(m_1 m_2 m_3)], shuffled => [qw(m_1 m_2 m_3)], mixed => [qw(m_1 m_2)], list => [qw(m_1 m_2)]);

	return @{ $tables{ $self->{parts} } };
}

# setup - statements that make both tables
sub setup
{
	my ($self) = @_;
	my @columns = ('time timestamptz NOT NULL', map { "$_->{name} $_->{type}" } @{ $self->{tags} }, @{ $self->{columns} });
	my $columns = join(', ', @columns);

	return (
		'SET client_min_messages = warning',
		'DROP TABLE IF EXISTS m, h, h_gone, w CASCADE',
		$self->create_m($columns, @columns),
		(map { $self->set_series } 0 .. int(rand(6))),
		"CREATE TABLE h ($columns)",
		'CREATE UNIQUE INDEX h_key ON h (' . $self->keys_text . ') NULLS NOT DISTINCT',
		'CREATE TABLE h_gone (LIKE h)',
		'CREATE TABLE w (n int4, word text)',
		"INSERT INTO w SELECT n, 'w' || n FROM generate_series(0, 30) n");
}

# set_series - a time zone, and more, for the series with some value of one tag, or two, or for all
sub set_series
{
	my ($self) = @_;
	my @tags = grep { chance(0.5) } @{ $self->{tags} };
	my $series = join(', ', map { "'$_->{name}', " . $self->tag_literal($_->{type}) } @tags);
	my $zone = pick('Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Santiago', 'America/St_Johns', 'UTC', 'Africa/Cairo', 'America/Havana');

	return "SELECT tsdb.set_series('m', jsonb_build_object($series), timezone => '$zone'" . pick('', ", unit => 'K'", ", unit => 'bar', stepped => true", ', low => 3, high => 5, stepped => false') . ')';
}

sub options
{
	my ($self) = @_;
	my $tags = join(',', map { $_->{name} } @{ $self->{tags} });

	return "USING tsdb WITH (tags = '$tags', time_column = 'time', sample_interval = '$self->{grid_us} us'"
	  . ($self->{block} ? ", block_interval = '$self->{block}')" : ')');
}

sub create_m
{
	my ($self, $columns, @columns) = @_;
	my $with = $self->options;
	my @edges = map { my $edge = $self->time_of(int($self->{nrows} * $_)); "date_bin('$self->{grid_us} us', $edge, '2000-01-01')" } 0.3, 0.6;
	my $first = $self->{tags}[0];

	return "CREATE TABLE m ($columns) $with" if !$self->{parts};
	if ($self->{parts} eq 'list')
	{
		my $value = $self->{series}[0][0];
		my $default = "CREATE TABLE m_2 PARTITION OF m DEFAULT $with";
		return (
			"CREATE TABLE m ($columns) PARTITION BY LIST ($first->{name})",
			"CREATE TABLE m_1 PARTITION OF m FOR VALUES IN ($value) $with", $default);
	}
	my @bounds = ([ 'MINVALUE', $edges[0] ], [ $edges[0], $edges[1] ], [ $edges[1], 'MAXVALUE' ]);
	return ("CREATE TABLE m ($columns) PARTITION BY RANGE (time)", map { $self->range_partition($_ + 1, $bounds[$_], $with, @columns) } 0 .. 2);
}

# A partition of its own column order, with a dropped column, when they are "shuffled".
sub range_partition
{
	my ($self, $n, $bounds, $with, @columns) = @_;
	my $using = $self->{parts} eq 'mixed' && $n == 3 ? 'USING heap' : $with;

	return "CREATE TABLE m_$n PARTITION OF m FOR VALUES FROM ($bounds->[0]) TO ($bounds->[1]) $using" if $self->{parts} ne 'shuffled';
	return (
		"CREATE TABLE m_$n (gone int4, " . join(', ', $n == 2 ? @columns : reverse @columns) . ") $using",
		"ALTER TABLE m_$n DROP COLUMN gone",
		"ALTER TABLE m ATTACH PARTITION m_$n FOR VALUES FROM ($bounds->[0]) TO ($bounds->[1])");
}

# rows(from, until, series, changed) - a SELECT of rows in order of names()
sub rows
{
	my ($self, $from, $until, $shift, @series) = @_;
	my @tags = map { $_->{name} } @{ $self->{tags} };
	my $series = join(', ', map { my $s = $_; '(' . join(', ', $s, @{ $self->{series}[$s] }) . ')' } @series);
	my @values = map { my $sql = $_->{sql}; $sql =~ s/\bi\b/(i + $shift)/g if $shift; "($sql)::$_->{type} AS $_->{name}" } @{ $self->{columns} };
	my $time = $self->time_of('i');

	return 'SELECT ' . join(', ', @tags, "$time AS time", @values)
	  . " FROM generate_series($from, $until) i, (VALUES $series) AS x (" . join(', ', 's', @tags) . ')';
}

# upsert(source) - the same rows into both
sub upsert
{
	my ($self, $source) = @_;
	my $names = $self->names;
	my $set = join(', ', map { "$_->{name} = EXCLUDED.$_->{name}" } @{ $self->{columns} });

	# A row that some heap partition has already makes way there too.
	my @clear = $self->{parts} eq 'mixed' ? "DELETE FROM m_3 USING ($source) q WHERE m_3.time = q.time" . join('', map { " AND m_3.$_->{name} IS NOT DISTINCT FROM q.$_->{name}" } @{ $self->{tags} }) : ();
	return (
		@clear,
		"INSERT INTO m ($names) $source",
		"INSERT INTO h ($names) $source ON CONFLICT (" . $self->keys_text . ") DO UPDATE SET $set");
}

sub some_series
{
	my ($self) = @_;
	my @all = 0 .. $#{ $self->{series} };

	return chance(0.5) ? @all : (shuffle(@all))[ 0 .. int(rand(@all)) ];
}

# load - the first rows: all, or with holes for later
sub load
{
	my ($self) = @_;
	my $n = $self->{nrows};
	my $cut = int($n * rand());
	my @all = 0 .. $#{ $self->{series} };

	return $self->upsert($self->rows(0, $n, 0, @all)) if chance(0.5);
	return ($self->upsert($self->rows(0, $cut, 0, @all)), $self->upsert($self->rows($cut + int(rand(5)), $n, 0, @all)));
}

# change - statements that change rows of both
sub change
{
	my ($self) = @_;
	my $kind = weighted(overwrite => 4, later => 2, single => 3, delete => 3, update => 3, patch => 3, move => 1, mark => $self->{parts} ? 0 : 2, backfill => $self->{parts} ? 0 : 1);
	my $is_marked = $self->{is_marked};

	$self->{is_marked} = 0;
	return $self->undo if $is_marked && chance(0.6);
	return ('DELETE FROM h_gone', $self->$kind);
}

sub stretch
{
	my ($self) = @_;
	my $from = int(rand($self->{nrows}));

	return ($from, $from + int(rand(chance(0.3) ? 3 : 80)));
}

sub overwrite { my ($self) = @_; return $self->upsert($self->rows($self->stretch, 1 + int(rand(5)), $self->some_series)); }
sub single { my ($self) = @_; my ($at) = $self->stretch; return $self->upsert($self->rows($at, $at, 3, $self->some_series)); }

sub later
{
	my ($self) = @_;
	my $from = $self->{nrows} + 1 + int(rand(5));

	$self->{nrows} = $from + int(rand(100));
	return $self->upsert($self->rows($from, $self->{nrows}, 0, $self->some_series));
}

sub condition
{
	my ($self) = @_;
	my ($from, $until) = map { $self->time_of($_) } $self->stretch;
	my @tags = @{ $self->{tags} } && chance(0.5) ? map { my $t = pick(@{ $self->{tags} }); " AND $t->{name} IS NOT DISTINCT FROM " . $self->tag_literal($t->{type}) } 1 : ();

	return "time BETWEEN $from AND $until@tags";
}

sub delete { my ($self) = @_; my $condition = $self->condition; return map { "DELETE FROM $_ WHERE $condition" } qw(m h); }

# mark - a range of time goes, and stays on record
sub mark
{
	my ($self) = @_;
	my ($first, $last) = $self->stretch;
	my ($from, $until) = map { $self->time_of($_) } $first, $last + (chance(0.3) ? int(rand($self->{nrows})) : 0);
	my @tags = grep { chance(0.4) } @{ $self->{tags} };
	my %value = map { $_->{name} => $self->tag_literal($_->{type}) } @tags;
	my $series = join(', ', map { "'$_', $value{$_}" } sort keys %value);
	my $condition = join(' AND ', "time >= $from AND time < $until", map { "$_ IS NOT DISTINCT FROM $value{$_}" } sort keys %value);

	$self->{is_marked} = 1;
	return (
		"SELECT tsdb.mark_deleted('m', jsonb_build_object($series), $from, $until, 'marked')",
		"WITH gone AS (DELETE FROM h WHERE $condition RETURNING *) INSERT INTO h_gone SELECT * FROM gone");
}

# undo - of the mark just before, if that has not been rolled back
sub undo
{
	return (
		"SELECT tsdb.undo(id, 'back') FROM tsdb.edits WHERE id = (SELECT max(id) FROM tsdb.edits) AND kind = 'mark_deleted' AND EXISTS (SELECT FROM h_gone)",
		'INSERT INTO h SELECT * FROM h_gone',
		'DELETE FROM h_gone');
}

# backfill - only where nothing is
sub backfill
{
	my ($self) = @_;
	my $source = $self->rows($self->stretch, 4, $self->some_series);
	my $names = $self->names;

	return (
		"SELECT tsdb.backfill('m', \$b\$$source\$b\$, 'filled')",
		"INSERT INTO h ($names) $source ON CONFLICT (" . $self->keys_text . ') DO NOTHING');
}

sub update
{
	my ($self) = @_;
	my $column = pick(@{ $self->{columns} });
	my $condition = $self->condition;
	my $value = chance(0.5) ? 'NULL' : "(SELECT $column->{name} FROM h ORDER BY " . $self->keys_text . ' LIMIT 1)';

	return map { "UPDATE $_ SET $column->{name} = $value WHERE $condition" } qw(m h);
}

# move - rows to later times where nothing is
sub move
{
	my ($self) = @_;
	my $condition = $self->condition;
	my $shift = 'interval \'' . $self->{step_us} * 100_000 . ' us\'';

	return () if $self->{parts} eq 'mixed' || $self->{has_moved}++;
	return map { "UPDATE $_ SET time = time + $shift WHERE $condition" } qw(m h);
}

sub patch
{
	my ($self) = @_;
	return $self->overwrite if $self->{parts};
	my @columns = grep { chance(0.4) } @{ $self->{columns} };
	return $self->overwrite if !@columns;
	my $source = $self->rows($self->stretch, 2, $self->some_series);
	my $names = join(', ', $self->keys_text, map { $_->{name} } @columns);

	# Of a new sample the other columns are NULL, whatever their defaults.
	my %is_patched = map { $_->{name} => 1 } @columns;
	my $all = $self->names;
	my $whole = join(', ', $self->keys_text, map { $is_patched{ $_->{name} } ? $_->{name} : "NULL::$_->{type}" } @{ $self->{columns} });
	return (
		"SELECT tsdb.patch('m', \$p\$SELECT $names FROM ($source) q\$p\$)",
		"INSERT INTO h ($all) SELECT $whole FROM ($source) q ON CONFLICT (" . $self->keys_text . ') DO UPDATE SET '
		  . join(', ', map { "$_->{name} = EXCLUDED.$_->{name}" } @columns));
}

# alter - statements that give both a column more, or take one
sub alter
{
	my ($self) = @_;
	my @gone = grep { !/quality/ } map { $_->{name} } @{ $self->{columns} };

	if (@gone > 2 && chance(0.3))
	{
		my $gone = pick(@gone);
		$self->{columns} = [ grep { $_->{name} ne $gone } @{ $self->{columns} } ];
		return map { "ALTER TABLE $_ DROP COLUMN $gone" } qw(m h h_gone);
	}
	my $column = $self->add_column(pick(qw(float8 int4 int8 float4 bool)));
	my $default = chance(0.5) ? '' : " DEFAULT " . ($column->{type} eq 'bool' ? 'true' : 7);
	return map { "ALTER TABLE $_ ADD COLUMN $column->{name} $column->{type}$default" } qw(m h h_gone);
}

# maintain - a statement that changes no answer
sub maintain
{
	my ($self) = @_;
	my $table = pick($self->tables);

	return weighted(
		"SELECT tsdb.compact('$table')" => 4, "SELECT tsdb_test.compact('$table', 'tiers')" => 1, "SELECT tsdb_test.compact('$table', 'aged')" => 1,
		'VACUUM m' => 1, 'ANALYZE m' => 2, "VACUUM FULL $table" => 1);
}

1;
