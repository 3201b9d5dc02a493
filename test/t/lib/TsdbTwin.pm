# TsdbTwin.pm - a tsdb table m and its heap twin h with random definition, and
# random statements about both.
#
# A statement is { m => SQL, h => [SQL...], counted => same number of rows changed }.  What
# tsdb does by itself the twin is told: times on the grid, the last of equal keys,
# the upsert, the row that gives way to one that moves to its place.
package TsdbTwin;

use strict;
use warnings;

my @GRIDS = (1, 1000, 100_000, 1_000_000, 1_000_000, 1_000_000, 10_000_000, 60_000_000, 86_400_000_000);
my %TAG_VALUES = (
	text => [ "'a'", "'b'", "'c'", "''", 'NULL', "'Grüße'", "'" . ('long' x 40) . "'" ],
	int4 => [ 0, 1, 2, -7, 'NULL', 2147483647 ],
	bool => [ 'true', 'false', 'NULL' ],
	date => [ "'2020-02-29'", "'1969-12-31'", 'NULL' ]);
my %VALUES = (
	float8 => [
		'0', "'-0'", '1', '-1.5', '0.1', '21.37', "'NaN'", "'Infinity'", "'-Infinity'", "'1e308'", "'-1.7976931348623157e308'",
		"'5e-324'", "'0.30000000000000004'", "'123456789.987654321'", 'NULL', 'NULL' ],
	float4 => [ '0', "'-0'", '2.5', '-3.25', "'NaN'", "'Infinity'", "'-Infinity'", "'1e-45'", "'3.4028235e38'", 'NULL' ],
	int2 => [ 0, 1, -1, 32767, -32768, 'NULL' ],
	int4 => [ 0, 1, -1, 2147483647, -2147483648, 'NULL' ],
	int8 => [ 0, 1, -1, '9223372036854775807', '-9223372036854775808', 'NULL' ],
	bool => [ 'true', 'false', 'NULL' ],
	text => [ "''", "'a'", "'b'", "'It''s'", "'Ünï 漢字 🙂'", "repeat('x', 100000)", "repeat('ab', 3000)", 'NULL' ],
	date => [ "'2000-01-01'", "'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'", "'1969-07-20'", 'NULL' ],
	timestamptz => [ "'2000-01-01'", "'infinity'", "'-infinity'", "'1900-01-01 00:00:00.000001'", "'9999-12-31'", 'NULL' ],
	'tsdb.quality' => [ 0, 0, 0, -2147483648, 1073741824, -2146500608, 'NULL' ]);
my %SERIES = (    # of row i
	float8 => [
		"CASE WHEN i % 97 = 0 THEN NULL WHEN i % 89 = 1 THEN 'NaN' ELSE round((sin(i / 30.0) * 100)::numeric, 2)::float8 END",
		'i * 0.1', "sqrt(i)", "CASE WHEN i % 200 < 150 THEN 20.5 ELSE 21 END" ],
	float4 => [ '(i % 500) / 8.0', "CASE WHEN i % 13 = 0 THEN NULL ELSE (i % 7)::float4 END" ],
	int2 => [ '(i % 60000 - 30000)::int2', '(i % 3)::int2' ],
	int4 => [ 'i * 7 - 5000', "CASE WHEN i % 50 = 0 THEN NULL ELSE i % 20 END" ],
	int8 => [ 'i::int8 * 1000000007 - 3', 'NULL::int8' ],
	bool => [ 'i % 3 = 0', "CASE WHEN i % 40 = 0 THEN NULL ELSE i % 100 < 50 END" ],
	text => [ "'state ' || i / 50", "md5(i::text)", "CASE WHEN i % 10 = 0 THEN NULL ELSE repeat(chr(65 + i % 26), i % 40) END" ],
	date => [ "date '2000-01-01' + i % 4000" ],
	timestamptz => [ "timestamptz '2000-01-01' + i * interval '17 min'" ],
	'tsdb.quality' => [ "CASE WHEN i % 100 < 3 THEN -2147483648 ELSE 0 END" ]);
my %CHANGES = (    # of column %s
	float8 => [ '-%s', 'abs(%s)', 'NULL', "CASE WHEN %s > 1 THEN 1 ELSE %s END" ],
	float4 => [ '-%s', 'NULL' ],
	int2 => [ '(%s / 2)::int2', 'NULL' ],
	int4 => [ '%s / 2 + 1', 'NULL' ],
	int8 => [ '%s / 3', '%s & 255' ],
	bool => [ 'NOT %s', 'NULL' ],
	text => [ "left(%s, 30) || '+'", 'upper(%s)', 'NULL' ],
	date => [ "CASE WHEN isfinite(%s) THEN date '2001-01-01' ELSE %s END" ],
	timestamptz => [ "NULL", "CASE WHEN isfinite(%s) THEN '2001-01-01' ELSE %s END" ],
	'tsdb.quality' => [ '0', '-2147483648' ]);
my %WIDER = (int2 => 'int4', int4 => 'int8', int8 => 'float8', float4 => 'float8', date => 'text', bool => 'text');

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# new TsdbTwin(%options) - decide on the tables; nothing is made yet
sub new
{
	my ($class, %options) = @_;
	my $self = bless {
		grid_us => pick(@GRIDS),
		ncolumns => 0,
		unlogged => chance(0.1),
		is_partitioned => chance(0.2),
		%options }, $class;
	my @tag_types = @{ pick([], ['text'], ['text'], [ 'text', 'int4' ], [ 'text', 'int4', 'bool' ], [ 'date', 'text' ]) };

	$self->{tags} = [ map { { name => "tag$_", type => $tag_types[ $_ - 1 ] } } 1 .. @tag_types ];
	$self->{columns} = [];
	$self->add_column(pick(keys_sorted(\%VALUES))) foreach 1 .. 1 + int(rand(7));
	$self->{compression} = pick('auto', 'auto', 'fast', 'small');
	# Short blocks: ranges hold whole ones.
	$self->{block_us} = $self->{grid_us} * ($self->{grid_us} < 86_400_000_000 ? 60 : 8) if chance(0.5);
	return $self;
}

# setup - functions and both tables
sub setup
{
	my ($self) = @_;
	my $columns = join(', ', 'time timestamptz NOT NULL',
		map { "$_->{name} $_->{type}" } @{ $self->{tags} }, @{ $self->{columns} });
	my $kind = $self->{unlogged} ? 'UNLOGGED TABLE' : 'TABLE';
	my $keys = $self->key_names;

	return (
		'SET client_min_messages = warning',
		'DROP TABLE IF EXISTS m, h, stage_a, stage_b CASCADE',
		'DROP FUNCTION IF EXISTS slot, ts',
		"CREATE FUNCTION slot(t timestamptz) RETURNS int8 IMMUTABLE LANGUAGE sql "
		  . "RETURN ((extract(epoch FROM t) - 946684800) * 1000000)::int8 / $self->{grid_us}",
		"CREATE FUNCTION ts(n int8) RETURNS timestamptz IMMUTABLE LANGUAGE sql "
		  . "RETURN timestamptz '2000-01-01 00:00+00' + n * interval '$self->{grid_us} us'",
		$self->create_m($kind, $columns),
		"CREATE $kind h ($columns)",
		"CREATE UNIQUE INDEX h_key ON h ($keys) NULLS NOT DISTINCT",
		# Not unlogged: an aborted CREATE of one and a crash before its record is flushed keep PostgreSQL from starting.
		"CREATE TABLE stage_a (ord int8)",
		"CREATE TABLE stage_b (ord int8)",
		"RESET client_min_messages");
}

# create_m - one table, or a partitioned one: rows move between partitions
sub create_m
{
	my ($self, $kind, $columns) = @_;
	my $options = $self->options;

	return "CREATE $kind m ($columns) USING tsdb WITH ($options)" if !$self->{is_partitioned};
	my $partition = "EXECUTE format('CREATE $kind m_%s PARTITION OF m FOR VALUES FROM (%s) TO (%s) USING tsdb WITH (%s)', ";
	my $with = "\$with\$$options\$with\$";

	return (
		"CREATE TABLE m ($columns) PARTITION BY RANGE (time)",
		"DO \$\$ BEGIN "
		  . "$partition 'old', 'MINVALUE', quote_literal(ts(0)), $with); "
		  . "$partition 'mid', quote_literal(ts(0)), quote_literal(ts(150)), $with); "
		  . "$partition 'new', quote_literal(ts(150)), 'MAXVALUE', $with); END \$\$");
}

# tables - those that hold rows of m
sub tables { my ($self) = @_; return $self->{is_partitioned} ? qw(m_old m_mid m_new) : 'm'; }

sub options
{
	my ($self) = @_;

	return sprintf("tags = '%s', time_column = 'time', sample_interval = '%s us', compression = '%s'",
		join(',', map { $_->{name} } @{ $self->{tags} }), $self->{grid_us}, $self->{compression})
	  . ($self->{block_us} ? ", block_interval = '$self->{block_us} us'" : '');
}

# copy, restore - what a transaction that changes the definition needs when it rolls back
sub copy
{
	my ($self) = @_;
	return { columns => [ map { {%$_} } @{ $self->{columns} } ], tags => [ map { {%$_} } @{ $self->{tags} } ], is_heap => $self->{is_heap} };
}

sub restore
{
	my ($self, $copy) = @_;
	$self->{$_} = $copy->{$_} foreach keys %$copy;
	return;
}

# What a session may touch: slots of its own, so that the twin's row locks never make it wait.
sub own
{
	my ($self, $session, $slot) = @_;
	return defined $session->{parity} ? $slot - (($slot - $session->{parity}) % 2) : $slot;
}

sub own_sql
{
	my ($self, $session, $prefix) = @_;
	return defined $session->{parity} ? " AND (slot(${prefix}time) + 1000000) % 2 = $session->{parity}" : '';
}

sub slot
{
	my ($self, $session) = @_;
	my $slot = chance(0.7) ? int(rand(300)) : chance(0.8) ? int(rand(20000)) - 2000 : int(rand(400000)) - 200000;

	return $self->own($session, $slot);
}

sub key_names { my ($self) = @_; return join(', ', (map { $_->{name} } @{ $self->{tags} }), 'time'); }
sub names { my ($self) = @_; return join(', ', (map { $_->{name} } @{ $self->{tags} }, @{ $self->{columns} }), 'time'); }

# rowtext - one text per row in which every bit of the row counts
sub rowtext
{
	my ($self) = @_;

	return "concat_ws('|', " . join(', ', 'time', map {
			my $as_text =
				$_->{type} =~ /^float/ ? "encode($_->{type}send($_->{name}), 'hex')"
			  : $_->{type} eq 'text' ? "CASE WHEN length($_->{name}) > 64 THEN md5($_->{name}) || length($_->{name}) ELSE $_->{name} END"
			  : "$_->{name}::text";
			"coalesce($as_text, '-')"
		} @{ $self->{tags} }, @{ $self->{columns} }) . ')';
}

# difference - SQL that answers '' when m and h hold the same rows that meet a condition
sub difference
{
	my ($self, $condition) = @_;
	my $row = $self->rowtext;

	return "WITH m AS MATERIALIZED (SELECT $row AS r FROM m WHERE $condition), h AS MATERIALIZED (SELECT $row AS r FROM h WHERE $condition), "
	  . "x AS (SELECT r FROM m EXCEPT ALL SELECT r FROM h), y AS (SELECT r FROM h EXCEPT ALL SELECT r FROM m) "
	  . "SELECT concat((SELECT string_agg('only in m: ' || r, E'\\n') FROM (SELECT r FROM x ORDER BY r LIMIT 12) a), E'\\n', "
	  . "(SELECT string_agg('only in h: ' || r, E'\\n') FROM (SELECT r FROM y ORDER BY r LIMIT 12) b), "
	  . "' ' || (SELECT count(*) FROM m) || ' rows in m, ' || (SELECT count(*) FROM h) || ' in h') "
	  . "WHERE EXISTS (SELECT FROM x) OR EXISTS (SELECT FROM y)";
}

# totals - SQL that answers '' when simple aggregates agree, through other plans
sub totals
{
	return "SELECT a::text || b::text FROM (SELECT count(*), min(time), max(time) FROM m) a, "
	  . "(SELECT count(*), min(time), max(time) FROM h) b WHERE a IS DISTINCT FROM b";
}

# digest(table) - SQL for one value that stands for all rows
sub digest
{
	my ($self, $table) = @_;
	my $row = $self->rowtext;

	return "SELECT count(*) || ' ' || coalesce(md5(string_agg(md5(r), '' ORDER BY md5(r))), '') FROM (SELECT $row AS r FROM $table) x";
}

sub literal
{
	my ($self, $type) = @_;

	return sprintf("'%.17g'::float8", (rand() - 0.5) * 10**(int(rand(40)) - 20)) if $type eq 'float8' && chance(0.3);
	return sprintf("'%.2f'::float8", rand(100)) if $type eq 'float8' && chance(0.3);
	return '(' . (int(rand(200)) - 100) . ")::$type" if $type =~ /^int/ && chance(0.4);
	return "'word " . int(rand(30)) . "'::text" if $type eq 'text' && chance(0.5);
	return '(' . pick(@{ $VALUES{$type} }) . ")::$type";
}

sub tag_literal
{
	my ($self, $type) = @_;
	return '(' . pick(@{ $TAG_VALUES{$type} }) . ")::$type";
}

# rows_source - a subquery "ord, jitter, columns" of given rows, some keys more than once
sub rows_source
{
	my ($self, $session, $nrows) = @_;
	my @rows;

	foreach my $ord (1 .. $nrows)
	{
		my $slot = @rows && chance(0.2) ? $rows[-1]{slot} : $self->slot($session);
		my @tags = @rows && chance(0.6) ? @{ $rows[-1]{tags} } : map { $self->tag_literal($_->{type}) } @{ $self->{tags} };

		push @rows, {
			slot => $slot,
			tags => \@tags,
			text => join(', ', $ord, $self->jitter, @tags, (map { $self->literal($_->{type}) } @{ $self->{columns} }), "ts($slot)") };
	}
	return "(VALUES " . join(', ', map { "($_->{text})" } @rows) . ") AS q (ord, jitter, " . $self->names . ")";
}

sub jitter
{
	my ($self) = @_;
	return sprintf("interval '%d us'", chance(0.5) ? 0 : int(rand($self->{grid_us})));
}

# bulk_source - a subquery like rows_source, of generated rows
sub bulk_source
{
	my ($self, $session, $nrows) = @_;
	my $first = $self->slot($session);
	my $step = pick(1, 1, 1, 2, 7);
	my $order = pick('i', '-i', '(i::int8 * 7919) % ' . int($nrows / pick(1, 1, 2) + 1));
	my $slot = defined $session->{parity} ? "($first + 2 * $step * ($order))" : "($first + $step * ($order))";
	my @columns = map { '(' . pick(@{ $SERIES{ $_->{type} } }) . ")::$_->{type} AS $_->{name}" } @{ $self->{columns} };
	my @tags = map { $self->tag_series($_->{type}) . " AS $_->{name}" } @{ $self->{tags} };

	return "(SELECT i AS ord, " . $self->jitter . " AS jitter, " . join(', ', @tags, @columns, "ts($slot) AS time")
	  . " FROM generate_series(1, $nrows) i) AS q";
}

sub tag_series
{
	my ($self, $type) = @_;
	my @values = @{ $TAG_VALUES{$type} };

	return $self->tag_literal($type) if chance(0.4);
	return "(ARRAY[" . join(', ', @values) . "]::${type}\[])[1 + i % " . scalar(@values) . "]";
}

# upsert(source) - the same rows into m, as they come, and into h
sub upsert
{
	my ($self, $source) = @_;
	my $names = $self->names;
	my $keys = $self->key_names;
	(my $jittered = $names) =~ s/\btime$/time + jitter/;

	return {
		m => "INSERT INTO m ($names) SELECT $jittered FROM $source ORDER BY ord",
		h => [ $self->upsert_h("(SELECT DISTINCT ON ($keys) $names FROM $source ORDER BY $keys, ord DESC) q") ] };
}

sub upsert_h
{
	my ($self, $source) = @_;
	my $names = $self->names;
	my @set = map { "$_->{name} = EXCLUDED.$_->{name}" } @{ $self->{columns} };

	return "INSERT INTO h ($names) SELECT $names FROM $source ON CONFLICT (" . $self->key_names . ") DO "
	  . (@set ? 'UPDATE SET ' . join(', ', @set) : 'NOTHING');
}

sub insert { my ($self, $session) = @_; return $self->upsert($self->rows_source($session, 1 + int(rand(rand(12))))); }
sub bulk { my ($self, $session, $most) = @_; return $self->upsert($self->bulk_source($session, 1 + int(rand($most // 3000)))); }

# condition - a random predicate
sub condition
{
	my ($self) = @_;
	my @atoms = map { $self->atom } 1 .. 1 + int(rand(3));

	return '(' . join(chance(0.8) ? ' AND ' : ' OR ', @atoms) . ')';
}

sub atom
{
	my ($self) = @_;
	my $kind = int(rand(10));
	my $slot = $self->slot({});

	return 'true' if $kind == 0;
	return "time = ts($slot)" if $kind == 1;
	return sprintf("time >= ts(%d) AND time < ts(%d)", $slot, $slot + int(rand(400))) if $kind <= 4;
	return pick("time > ts($slot)", "time <= ts($slot)") if $kind == 5;
	return "slot(time) % " . pick(2, 3, 5, 17) . " = 0" if $kind == 6;
	return $self->tag_atom if $kind <= 8 && @{ $self->{tags} };
	return $self->value_atom;
}

sub tag_atom
{
	my ($self) = @_;
	my $tag = pick(@{ $self->{tags} });
	my $literal = $self->tag_literal($tag->{type});

	return "$tag->{name} " . pick("= $literal", "IN ($literal, " . $self->tag_literal($tag->{type}) . ")",
		"<> $literal", 'IS NULL', "IS NOT DISTINCT FROM $literal", ">= $literal");
}

sub value_atom
{
	my ($self) = @_;
	return 'true' if !@{ $self->{columns} };
	my $column = pick(@{ $self->{columns} });
	my $literal = $self->literal($column->{type});

	return "$column->{name} " . pick("> $literal", "<= $literal", "= $literal", 'IS NULL', 'IS NOT NULL');
}

sub change
{
	my ($self, $column) = @_;
	return $self->literal($column->{type}) if chance(0.3);
	(my $expression = pick(@{ $CHANGES{ $column->{type} } })) =~ s/%s/$column->{name}/g;
	return "($expression)::$column->{type}";
}

sub assignments
{
	my ($self) = @_;
	my @columns = grep { chance(0.5) } @{ $self->{columns} };

	@columns = ($self->{columns}[0]) if !@columns;
	return join(', ', map { "$_->{name} = " . $self->change($_) } @columns);
}

sub update
{
	my ($self, $session) = @_;
	return $self->delete($session) if !@{ $self->{columns} };
	my $sql = "UPDATE %s t SET " . $self->assignments . " WHERE " . $self->condition . $self->own_sql($session, '');

	return both($sql);
}

sub delete
{
	my ($self, $session) = @_;
	return both("DELETE FROM %s t WHERE " . $self->condition . $self->own_sql($session, ''));
}

# purge - a DELETE of a range, of all or some series, which blocks can answer
sub purge
{
	my ($self, $session) = @_;
	my (undef, $from, $until) = $self->range($session);
	my @atoms = ((chance(0.9) ? "time >= $from" : ()), (chance(0.9) ? "time < $until" : ()));

	push @atoms, $self->tag_atom if @{ $self->{tags} } && chance(0.5);
	return both('DELETE FROM %s t' . (@atoms ? ' WHERE ' . join(' AND ', @atoms) : ''));
}

# cut - a whole range, as retention and the journal take it out
sub cut
{
	my ($self, $session) = @_;
	my ($tables, $from, $until) = $self->range($session);

	return {
		m => "SELECT sum(tsdb_test.range_delete(t, NULL, $from, $until)) FROM unnest(ARRAY[$tables]) t",
		h => ["DELETE FROM h WHERE time >= $from AND time < $until"], counted => 1, count_is_out => 1 };
}

# swap - take a range out and put what was archived back: nothing has changed then
sub swap
{
	my ($self, $session) = @_;
	my ($tables, $from, $until) = $self->range($session);

	return {
		m => "WITH a AS MATERIALIZED (SELECT t, x.* FROM unnest(ARRAY[$tables]) t, tsdb_test.range_archive(t, NULL, $from, $until) x), "
		  . "b AS MATERIALIZED (SELECT t, series_id, array_agg(stretch ORDER BY first) AS s FROM a GROUP BY 1, 2 ORDER BY 1, 2) "
		  . "SELECT sum(tsdb_test.range_restore(t, series_id, s)) FROM b",
		h => [] };
}

sub range
{
	my ($self, $session) = @_;
	my ($low, $high) = sort { $a <=> $b } $self->slot($session), $self->slot($session);
	my $from = chance(0.1) ? "'-infinity'" : "ts($low)";
	my $until = chance(0.1) ? "'infinity'" : "ts($high)";

	return (join(', ', map { "'$_'::regclass" } $self->tables), $from, $until);
}

# backfill, overwrite - edits by function; what is there stays, or gives way
sub backfill
{
	my ($self, $session) = @_;
	my $source = chance(0.5) ? $self->rows_source($session, 1 + int(rand(12))) : $self->bulk_source($session, 1 + int(rand(3000)));
	my ($names, $keys) = ($self->names, $self->key_names);

	return {
		m => $self->edit_call('backfill', "SELECT $names FROM $source ORDER BY ord"),
		h => ["INSERT INTO h ($names) SELECT DISTINCT ON ($keys) $names FROM $source ORDER BY $keys, ord DESC ON CONFLICT DO NOTHING"] };
}

sub overwrite
{
	my ($self, $session) = @_;
	my $upsert = $self->insert($session);
	(my $source = $upsert->{m}) =~ s/^INSERT INTO m \(.*?\) //;

	# Columns are matched by name, and the time is an expression here.
	$source =~ s/time \+ jitter/time + jitter AS time/;
	$upsert->{m} = $self->edit_call('overwrite', $source);
	return $upsert;
}

sub edit_call
{
	my ($self, $function, $source) = @_;
	return "SELECT tsdb.$function('m', \$source\$$source\$source\$, 'a reason')";
}

# mark - a range vanishes but stays on record; unmark - and is put back at once
sub mark
{
	my ($self, $session) = @_;
	my ($tables, $from, $until) = $self->range($session);

	return {
		m => "SELECT count(tsdb.mark_deleted(t, '{}', $from, $until, 'a reason')) FROM unnest(ARRAY[$tables]) t",
		h => ["DELETE FROM h WHERE time >= $from AND time < $until"] };
}

sub unmark
{
	my ($self, $session) = @_;
	my ($tables, $from, $until) = $self->range($session);

	return {
		m => "DO \$\$ DECLARE ids int8[]; BEGIN SELECT array_agg(tsdb.mark_deleted(t, '{}', $from, $until, 'a reason')) INTO ids FROM unnest(ARRAY[$tables]) t; "
		  . "PERFORM tsdb.undo(i, 'a mistake') FROM unnest(ids) i; END \$\$",
		h => [] };
}

# move - rows to other times or series; the twin takes them out and upserts them
sub move
{
	my ($self, $session) = @_;
	my $shift = pick(1, -1, 1, 5, -30, 1000) * (defined $session->{parity} ? 2 : 1);
	my %set = (time => "time + $shift * interval '$self->{grid_us} us'");
	my $condition = $self->condition . $self->own_sql($session, '');
	my $stage = "stage_$session->{name}";
	my $names = $self->names;
	my $tag = @{ $self->{tags} } ? pick(@{ $self->{tags} }) : undef;

	if ($tag && $tag->{type} eq 'text' && chance(0.5))
	{
		%set = ($tag->{name} => "CASE $tag->{name} WHEN 'a' THEN 'b' WHEN 'b' THEN 'c' WHEN 'c' THEN 'a' ELSE $tag->{name} END");
	}
	my $column = @{ $self->{columns} } && chance(0.5) ? pick(@{ $self->{columns} }) : undef;
	$set{ $column->{name} } = $self->change($column) if $column;
	(my $moved = $names) =~ s/\b(\w+)\b/exists $set{$1} ? "$set{$1} AS $1" : $1/ge;
	return {
		m => "UPDATE m t SET " . join(', ', map { "$_ = $set{$_}" } sort(keys(%set))) . " WHERE $condition",
		h => [
			"DROP TABLE $stage",
			"CREATE TABLE $stage AS SELECT $moved FROM h WHERE $condition",
			"DELETE FROM h t WHERE $condition",
			$self->upsert_h($stage) ],
		rows_of => 2,
		counted => 1 };
}

# merge - update, delete or insert by key
sub merge
{
	my ($self, $session) = @_;
	my $source = $self->rows_source($session, 2 + int(rand(30)));
	my $keys = $self->key_names;
	my $names = $self->names;
	my $on = join(' AND ', map { "t.$_ IS NOT DISTINCT FROM s.$_" } split(/, /, $keys));
	my @set = map { "$_->{name} = s.$_->{name}" } @{ $self->{columns} };
	my @when = ('WHEN MATCHED AND slot(t.time) % 3 = 0 THEN DELETE', 'WHEN MATCHED AND slot(t.time) % 3 = 1 THEN DO NOTHING');

	push @when, 'WHEN MATCHED THEN UPDATE SET ' . join(', ', @set) if @set;
	push @when, "WHEN NOT MATCHED THEN INSERT ($names) VALUES (" . join(', ', map { "s.$_" } split(/, /, $names)) . ")";
	return both("MERGE INTO %s t USING (SELECT DISTINCT ON ($keys) * FROM $source ORDER BY $keys, ord) s ON $on @when");
}

# copy_in - COPY FROM a file that m's rows are written to first
sub copy_in
{
	my ($self, $session, $file) = @_;
	my $source = chance(0.5) ? $self->rows_source($session, 20) : $self->bulk_source($session, 2000);
	my $names = $self->names;
	my $format = pick('text', 'csv', 'binary');
	my $upsert = $self->upsert($source);

	$upsert->{before} = "COPY (SELECT $names FROM (SELECT * FROM $source ORDER BY ord) q) TO '$file' (FORMAT $format)";
	$upsert->{m} = "COPY m ($names) FROM '$file' (FORMAT $format)";
	return $upsert;
}

# self_insert - rows of the table into itself, somewhere else
sub self_insert
{
	my ($self, $session) = @_;
	my $names = $self->names;
	my $shift = 2 * pick(1, 150, 5000);
	my $where = 'WHERE ' . $self->condition . $self->own_sql($session, '');
	(my $shifted = $names) =~ s/\btime$/time + $shift * interval '$self->{grid_us} us' AS time/;

	return {
		m => "INSERT INTO m ($names) SELECT $shifted FROM m $where",
		h => [ $self->upsert_h("(SELECT $shifted FROM h $where) q") ] };
}

# block - a DO block of statements, one part of which fails and is caught
sub block
{
	my ($self, $session) = @_;
	my @before = $self->flat($self->any_change($session));
	my @inside = ($self->flat($self->any_change($session)), $self->flat($self->any_change($session)));
	my @after = $self->flat($self->any_change($session));
	my $fail = chance(0.6) ? "PERFORM 1 / 0;" : '';

	return {
		m => 'DO $do$ BEGIN ' . join(' ', map { "$_;" } @before) . ' BEGIN '
		  . join(' ', map { "$_;" } @inside) . " $fail EXCEPTION WHEN division_by_zero THEN NULL; END; "
		  . join(' ', map { "$_;" } @after) . ' END $do$',
		h => [] };
}

sub flat
{
	my ($self, $statement) = @_;
	return ($statement->{m}, @{ $statement->{h} });
}

sub any_change
{
	my ($self, $session) = @_;
	my $kind = pick(qw(insert insert bulk update update delete self_insert move merge));

	return $self->$kind($session, 1500);
}

# alter - change the definition of both
sub alter
{
	my ($self) = @_;
	my $kind = pick(qw(add add drop widen rename compression), $self->{is_partitioned} ? () : 'twice');
	my $column = @{ $self->{columns} } ? pick(@{ $self->{columns} }) : undef;

	return $self->alter_add if $kind eq 'add' || !$column || @{ $self->{columns} } == 1;
	if ($kind eq 'drop')
	{
		$self->{columns} = [ grep { $_ != $column } @{ $self->{columns} } ];
		return both("ALTER TABLE %s DROP COLUMN $column->{name}", 1);
	}
	if ($kind eq 'widen' && $WIDER{ $column->{type} })
	{
		$column->{type} = $WIDER{ $column->{type} };
		return both("ALTER TABLE %s ALTER COLUMN $column->{name} TYPE $column->{type}", 1, 1);
	}
	if ($kind eq 'rename')
	{
		my $old = pick($column, @{ $self->{tags} });
		my $name = $old->{name};
		$old->{name} = 'r' . ++$self->{ncolumns};
		return both("ALTER TABLE %s RENAME COLUMN $name TO $old->{name}", 1);
	}
	if ($kind eq 'twice')
	{
		return {
			m => 'ALTER TABLE m SET ACCESS METHOD heap',
			h => [ 'ALTER TABLE h ADD COLUMN passing int4 DEFAULT (random() * 9)::int', 'ALTER TABLE h DROP COLUMN passing',
				"ALTER TABLE m SET ACCESS METHOD tsdb, SET (" . $self->options . ")" ],
			is_rewrite => 1 };
	}
	return { m => 'ALTER TABLE ' . pick($self->tables) . " SET (compression = '" . pick(qw(auto fast small)) . "')", h => [] };
}

sub alter_add
{
	my ($self) = @_;
	my $column = $self->add_column(pick(keys_sorted(\%VALUES)));
	my $default = chance(0.5) ? 'DEFAULT ' . $self->literal($column->{type}) : '';

	return both("ALTER TABLE %s ADD COLUMN $column->{name} $column->{type} $default", 1);
}

sub truncate { return both('TRUNCATE %s', 1, 1); }

# bad - fails after some rows, the same way on both
sub bad
{
	my ($self, $session) = @_;
	my $source = $self->rows_source($session, 5);
	my $names = $self->names;
	(my $nulled = $names) =~ s/\btime$/CASE WHEN ord < 5 THEN time END/;

	return pick(
		"INSERT INTO m ($names) SELECT $nulled FROM $source ORDER BY ord",
		"UPDATE m SET time = time RETURNING 1 / (slot(time) - slot(time))",
		"WITH x AS (INSERT INTO m ($names) SELECT $names FROM $source RETURNING *) SELECT 1 / (count(*) - count(*)) FROM x");
}

sub add_column
{
	my ($self, $type) = @_;
	my $column = { name => 'c' . ++$self->{ncolumns}, type => $type };

	push @{ $self->{columns} }, $column;
	return $column;
}

# both(sql with %s for the table, is it DDL?, does it rewrite?)
sub both
{
	my ($sql, $is_ddl, $is_rewrite) = @_;
	(my $m = $sql) =~ s/%s/m/;
	(my $h = $sql) =~ s/%s/h/;

	return { m => $m, h => [$h], counted => !$is_ddl, is_rewrite => $is_rewrite };
}

sub keys_sorted { my ($hash) = @_; return sort(keys(%$hash)); }

1;
