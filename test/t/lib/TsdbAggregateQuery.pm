# TsdbAggregateQuery.pm - a random aggregate query on the tables of a TsdbAggregateTwin.
#
# The query of the heap table has columns more at its end: what a comparison of floating point
# results needs, such as the sum of the magnitudes.  A literal that may become a parameter is kept as
# \x01type\x02one\x02other\x01 until the query is rendered.
package TsdbAggregateQuery;

use strict;
use warnings;
use List::Util qw(shuffle);
use TsdbAggregateTwin qw(pick chance weighted);

my @ZONES = (
	'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia', 'America/Santiago', 'Africa/Cairo',
	'EST5EDT', 'America/St_Johns');
my @WIDTHS = (0.001, 0.02, 0.25, 1, 5, 7, 60, 300, 420, 900, 3600, 5400, 7200, 21600, 43200, 86400, 172800, 604800, 1036800, 2592000);
my @UNITS = (
	[ 0.001, 'millisecond' ], [ 1, 'second' ], [ 60, 'minute' ], [ 3600, 'hour' ], [ 86400, 'day' ], [ 604800, 'week' ], [ 2592000, 'month' ],
	[ 7776000, 'quarter' ], [ 31536000, 'year' ], [ 315360000, 'decade' ], [ 3153600000, 'century' ]);
my @MOST_BUCKETS = (3, 40, 300);

# new TsdbAggregateQuery(twin, functions) - functions: name => 1 of those of tsdb that there are
sub new
{
	my ($class, $twin, $functions) = @_;
	my $self = bless {
		twin => $twin, functions => $functions, keys => [], cells => [], extras => [], is_plain => 1,
		is_ambiguous => 0 }, $class;

	$self->{is_plain} = 0 if $twin->{parts} eq 'mixed';
	$self->decide_keys;
	$self->{where} = $self->where;
	$self->add_cell foreach 1 .. (chance(0.04) ? 0 : 1 + int(rand(chance(0.2) ? 9 : 3)));
	$self->add_count if !@{ $self->{cells} } && !grep { $_->{selected} } @{ $self->{keys} };
	$self->{having} = chance(0.2) ? $self->having : '';
	$self->decide_order;
	# Groups that HAVING or LIMIT leave out may overflow or not be looked at.
	$self->{is_ambiguous} = 1 if $self->{is_wild} && ($self->{having} || $self->{limit});
	return $self;
}

sub zones { return @ZONES; }

# Group keys.
sub decide_keys
{
	my ($self) = @_;
	my @tags = grep { chance(0.6) } @{ $self->{twin}{tags} };

	@tags = @{ $self->{twin}{tags} } if chance(0.3);
	return if chance(0.15);
	$self->add_key(chance(0.1) ? $self->tag_expression($_) : $_->{name}) foreach shuffle(@tags);
	$self->add_key($self->bucket) if chance(0.65) || !@tags;
	$self->add_key($self->attribute(pick('unit', 'high', 'stepped', 'timezone'))) if @{ $self->{twin}{tags} } && chance(0.06);
	$self->add_key(pick("'constant'::text", 'NULL::int4', '7::int8')) if chance(0.06);
	if (chance(0.05))
	{
		$self->{is_plain} = 0;
		$self->add_key(pick($self->bucket, 'extract(hour FROM time)', 'time', (map { $_->{name} } grep { $_->{type} =~ /^(bool|int2|int4)$/ } @{ $self->{twin}{columns} })));
	}
	$self->{keys} = [ shuffle(@{ $self->{keys} }) ];
	$self->{holds_tags} = !grep { my $tag = $_->{name}; !grep { $_->{sql} eq $tag } @{ $self->{keys} } } @{ $self->{twin}{tags} };
	$self->{is_rollup} = chance(0.02);
	$self->{is_plain} = 0 if $self->{is_rollup};
	return;
}

sub add_key
{
	my ($self, $sql) = @_;
	push @{ $self->{keys} }, { sql => $sql, selected => !chance(0.12) };
	return;
}

sub tag_expression
{
	my ($self, $tag) = @_;
	my %expressions = (
		text => [ "upper($tag->{name})", "coalesce($tag->{name}, 'none')", "$tag->{name} || 'x'", "$tag->{name} IS NULL" ],
		int4 => [ "$tag->{name} % 2", "$tag->{name} IS NULL" ],
		bool => ["NOT $tag->{name}"], date => ["$tag->{name} + 1"], float8 => ["$tag->{name} > 1"]);

	$self->{is_plain} = 0;
	return pick(@{ $expressions{ $tag->{type} } });
}

sub span_s { my ($self) = @_; my $t = $self->{twin}; return $t->{nrows} * $t->{step_us} * ($t->{irregular} + 1) / 1e6; }

# A width that gives neither one bucket nor thousands, mostly.
sub width
{
	my ($self) = @_;
	my $least = $self->span_s / pick(@MOST_BUCKETS);
	my @wide = grep { $_ >= $least } @WIDTHS;

	return @wide ? $wide[ int(rand(@wide > 4 ? 4 : @wide)) ] : 2592000;
}

sub unit
{
	my ($self) = @_;
	my $least = $self->span_s / pick(@MOST_BUCKETS);
	my @wide = grep { $_->[0] >= $least } @UNITS;

	return @wide ? $wide[ int(rand(@wide > 4 ? 4 : @wide)) ][1] : 'century';
}

sub interval
{
	my ($self) = @_;
	my $width = $self->width;

	return pick('1 month', '3 months', '1 year', '5 months') if $self->span_s > 864_000 && chance(0.3);
	return $width / 86400 . pick(' day', ' days') if $width % 86400 == 0 && $width >= 86400 && chance(0.6);
	return sprintf('%.3fs', $width) if chance(0.5);
	return $width . ' seconds';
}

sub bucket
{
	my ($self) = @_;
	my %forms = (trunc => 4, trunc_zone => 3, trunc_local => 3, bin => 2, epoch => 5, epoch_time => 2, day => 2);
	my $form = weighted($self->{functions}{time_bucket} ? (time_bucket => 9) : (), $self->{functions}{local_bucket} ? (local => 4) : (), map { $_ => $forms{$_} } sort keys %forms);
	my $method = "bucket_$form";

	return $self->$method;
}

# Often something that may become a parameter, sometimes with a value that makes every key NULL.
sub bucket_argument
{
	my ($type, $one, $other) = @_;

	return $one if chance(0.75);
	return literal($type, $one, chance(0.1) ? 'NULL' : $other);
}

sub zone_argument { return bucket_argument('text', map { "'$_'" } pick(@ZONES), pick(@ZONES, 'CET', '+03')); }
sub unit_argument { my ($self) = @_; return bucket_argument('text', map { "'" . $self->unit . "'" } 1, 2); }
sub bucket_trunc { my ($self) = @_; return 'date_trunc(' . $self->unit_argument . ', time)'; }
sub bucket_trunc_zone { my ($self) = @_; return 'date_trunc(' . $self->unit_argument . ', time, ' . zone_argument() . ')'; }

sub bucket_trunc_local
{
	my ($self) = @_;
	my ($unit, $zone) = ($self->unit_argument, zone_argument());

	return "date_trunc($unit, time AT TIME ZONE $zone)" . pick('', " AT TIME ZONE $zone");
}

sub bucket_bin
{
	my ($self) = @_;
	my @origins = ("'2000-01-01+00'", "'2024-03-31 01:17:03.5+00'", "'1960-02-29+00'");

	return 'date_bin(' . bucket_argument('interval', map { "'" . $self->width . " s'" } 1, 2) . ', time, ' . bucket_argument('timestamptz', pick(@origins), pick(@origins)) . ')';
}

sub bucket_epoch
{
	my ($self) = @_;
	my $n = $self->width;
	my $int = $n >= 1 ? $n : 1;

	$n = sprintf('%.4e', $n) if chance(0.15);
	my $exact = bucket_argument('numeric', $n, $self->width);
	return weighted(
		"floor(extract(epoch from time)/$exact)*$n" => 6,
		"floor(extract(epoch FROM time) / $exact) * $exact" => 1,
		"floor(date_part('epoch', time)/$n)*$n" => 2,
		"floor(extract(epoch from time)::float8/" . bucket_argument('float8', $n, $self->width) . ")*$n" => 2,
		"floor(extract(epoch from time)/$int)::int8*$int" => 2,
		"extract(epoch from time)::int8/$int*$int" => 2);
}

sub bucket_epoch_time { my ($self) = @_; my $n = $self->width; return "to_timestamp(floor(extract(epoch from time)/$n)*$n)"; }
sub bucket_day { my ($self) = @_; return pick('time::date', 'CAST(time AS date)', '(time AT TIME ZONE ' . zone_argument() . ')::date'); }

sub bucket_time_bucket
{
	my ($self) = @_;
	my ($interval, $zone) = ($self->interval, zone_argument());
	my $width = bucket_argument('interval', "'$interval'", "'" . $self->interval . "'");
	my $origin = bucket_argument('timestamptz', "'2000-01-03 00:00+00'", pick("'2024-03-31 00:30+00'", "'1970-01-01 00:00+05:45'"));

	return weighted(
		"tsdb.time_bucket($width, time)" => 5,
		"tsdb.time_bucket(interval '$interval', time)" => 1,
		"tsdb.time_bucket($width, time, timezone => $zone)" => 4,
		"tsdb.time_bucket($width, time, origin => $origin\::timestamptz)" => 2,
		"tsdb.time_bucket($width, time, $zone, $origin\::timestamptz)" => 2,
		"tsdb.time_bucket($width, time AT TIME ZONE $zone)" => 1,
		"tsdb.time_bucket($width, time::date)" => ($interval =~ /day|month|year/ ? 1 : 0));
}

# The form with columns: core evaluates it on the rows of the heap table, too.
sub local_arguments { my ($self) = @_; return "'m'::regclass, time, " . (join(', ', map { $_->{name} } @{ $self->{twin}{tags} }) || 'NULL::text'); }
sub local_time { my ($self) = @_; return 'tsdb.local_time(' . $self->local_arguments . ')'; }

sub bucket_local
{
	my ($self) = @_;
	my $width = bucket_argument('interval', map { "'" . $self->interval . "'" } 1, 2) . '::interval';
	my $origin = bucket_argument('timestamp', "'2000-01-03 00:00'", "'1970-01-01 05:45'") . '::timestamp, ';

	return weighted(
		"tsdb.local_bucket($width, " . $self->local_arguments . ')' => 4,
		"tsdb.local_bucket($width, $origin" . $self->local_arguments . ')' => 1,
		'extract(dow FROM tsdb.local_bucket(\'1 day\', ' . $self->local_arguments . '))' => 1);
}

sub local_condition
{
	my ($self) = @_;
	my $local = $self->local_time;
	my ($hour, $other) = (int(rand(25)), int(rand(24)));
	my $day = "'2024-03-" . (28 + int(rand(4))) . "'";

	return weighted(
		"extract(hour FROM $local) = $hour" => 4, "extract(hour FROM $local) IN ($hour, $other)" => 2, "extract(hour FROM $local) BETWEEN $other AND $hour" => 1,
		"(date_part('hour', $local) > $hour OR date_part('hour', $local) <= $other)" => 1, "extract(isodow FROM $local) = " . (1 + int(rand(8))) => 1,
		"extract(dow FROM $local) NOT IN (0, 6)" => 1, "extract(day FROM $local) < $hour" => 1, "extract(month FROM $local) <> 3" => 0.5,
		"$local >= $day" => 1, "$local < $day AND extract(hour FROM $local) <> $hour" => 1, "($local)::date = $day" => 1, "($local)::time < '0$other:17'" => $other < 10 ? 2 : 0,
		"extract(minute FROM $local) = 17" => 0.2);
}

# Aggregates.  A cell is { sql, as => how to compare, tolerances => indexes of extras }.
sub columns { my ($self, $types) = @_; return grep { $_->{type} =~ /^($types)$/ } @{ $self->{twin}{columns} }; }

sub extra
{
	my ($self, $sql) = @_;
	push @{ $self->{extras} }, $sql;
	return $#{ $self->{extras} };
}

sub add_count { my ($self) = @_; push @{ $self->{cells} }, { sql => 'count(*)', as => 'exact' }; return; }

sub add_cell
{
	my ($self) = @_;
	my $cell;

	$cell = pick(@{ $self->{cells} }) if @{ $self->{cells} } && chance(0.08);
	$cell //= $self->aggregate;
	$cell = $self->pair_of($cell) if chance(0.08);
	push @{ $self->{cells} }, $cell;
	return;
}

# Two aggregates of one column that share a state in core.
sub pair_of
{
	my ($self, $cell) = @_;
	my @numbers = $self->columns('float8|float4|int2|int4|int8');

	return $cell if !@numbers;
	my $column = pick(@numbers);
	push @{ $self->{cells} }, $cell, $self->number($column, 'avg', '');
	return $self->number($column, pick('stddev', 'variance', 'sum', 'stddev_pop'), '');
}

sub aggregate
{
	my ($self) = @_;
	my $filter = chance(0.15) ? $self->filter : '';
	my $column = pick(@{ $self->{twin}{columns} });
	my $kind = weighted(count => 2, time => 1, tag => 0.3, distinct => 0.4, firstlast => 1.5, average => 1.5, column => 10, expression => 1.5);

	return { sql => "count(*)$filter", as => 'exact' } if $kind eq 'count';
	return { sql => pick('min', 'max', 'count') . "(time)$filter", as => 'exact' } if $kind eq 'time';
	return $self->of_tag($filter) if $kind eq 'tag' && @{ $self->{twin}{tags} };
	return $self->distinct($column, $filter) if $kind eq 'distinct';
	return $self->first_last($column, $filter) if $kind eq 'firstlast' && $self->{functions}{last};
	return $self->time_average($filter) if $kind eq 'average' && $self->{functions}{time_average};
	return $self->expression($column, $filter) if $kind eq 'expression';
	return $self->of_column($column, $filter);
}

sub of_column
{
	my ($self, $column, $filter) = @_;
	my $type = $column->{type};

	return { sql => "count($column->{name})$filter", as => 'exact' } if chance(0.12);
	return $self->odd_argument($column, $filter) if chance(0.05);
	return { sql => pick('bool_and', 'bool_or', 'every') . "($column->{name})$filter", as => 'exact' } if $type eq 'bool';
	if ($type eq 'text' || $type eq 'tsdb.quality')
	{
		$self->{is_plain} = 0;
		return $self->of_quality($column, $filter) if $type ne 'text' && chance(0.8);
		return { sql => pick('min', 'max') . "($column->{name})$filter", as => 'exact' };
	}
	return { sql => pick('min', 'max') . "($column->{name})$filter", as => 'exact' } if $type =~ /^(date|timestamptz)$/ || chance(0.3);
	return $self->number($column, weighted(sum => 5, avg => 6, map { $_ => 1 } qw(stddev stddev_samp stddev_pop variance var_samp var_pop)), $filter);
}

sub of_quality
{
	my ($self, $column, $filter) = @_;

	return { sql => 'tsdb.' . pick('worst', 'count_good', 'count_uncertain', 'count_bad') . "($column->{name})$filter", as => 'exact' } if chance(0.5);
	return { sql => 'tsdb.' . pick('percent_good', 'duration_good', 'duration_uncertain', 'duration_bad') . "($column->{name}, time)$filter", as => 'exact' };
}

# What the node does not know.
sub odd_argument
{
	my ($self, $column, $filter) = @_;
	my $name = $column->{name};
	my @any = ("count($name IS NULL)", "sum(CASE WHEN $name IS NULL THEN 1 ELSE 0 END)", 'count(ctid)', 'count(m.*)', "bool_or($name IS NULL)", 'sum(1)', 'max(extract(year FROM time))');
	my @whole = $column->{type} =~ /^int/ ? ("sum($name + 1::int8::numeric)", "sum($name\::int8)", "max(abs($name\::numeric))", "min(-($name\::numeric))") : ();

	$self->{is_plain} = 0;
	(my $sql = pick(@any, @whole)) =~ s/\bm\.\*/\x03.*/;
	return { sql => "$sql$filter", as => 'exact' };
}

# number(column, function, filter) - sum, avg, deviations of numbers
sub number
{
	my ($self, $column, $function, $filter) = @_;
	my ($name, $type) = ($column->{name}, $column->{type});
	my $sql = "$function($name)$filter";

	return { sql => $sql, as => 'exact' } if $type =~ /^int/;
	$self->{is_ambiguous} = 1 if $column->{mixed};
	$self->{is_wild} = 1 if $column->{wild};
	my $largest = $self->extra("max(abs($name" . "::float8))$filter");
	my $count = $self->extra("count($name)$filter");
	return { sql => $sql, as => $function =~ /^var/ ? 'variance' : 'deviation', tolerances => [ $largest, $count ] } if $function =~ /^(var|stddev)/;
	my $magnitude = $column->{wild} ? undef : $self->extra("sum(abs($name" . "::float8))$filter");
	return { sql => $sql, as => $function eq 'avg' ? 'mean' : $type eq 'float4' ? 'sum4' : 'sum', tolerances => [ $largest, $count, $magnitude ] };
}

sub of_tag
{
	my ($self, $filter) = @_;
	my $tag = pick(@{ $self->{twin}{tags} });

	$self->{is_plain} = 0;
	return { sql => "count(DISTINCT $tag->{name})$filter", as => 'exact' } if $tag->{type} eq 'bool' || chance(0.5);
	return { sql => pick('min', 'max') . "($tag->{name})$filter", as => 'exact' };
}

sub distinct
{
	my ($self, $column, $filter) = @_;

	$self->{is_plain} = 0;
	return { sql => "sum(DISTINCT $column->{name})$filter", as => 'exact' } if $column->{type} =~ /^int/ && chance(0.5);
	return { sql => "count(DISTINCT $column->{name})$filter", as => 'exact' };
}

# Ties have no order, so only where a group has each time once.
sub first_last
{
	my ($self, $column, $filter) = @_;

	return $self->of_column($column, $filter) if !$self->{holds_tags} && @{ $self->{twin}{series} } > 1 || $self->{is_rollup};
	$self->{is_plain} = 0 if $column->{type} eq 'text';
	return { sql => 'tsdb.' . pick('first', 'last') . "($column->{name}, time)$filter", as => 'exact' };
}

# The rows of a group are one line in time, so only where they are of one series.
sub time_average
{
	my ($self, $filter) = @_;
	my @numbers = grep { !$_->{wild} } $self->columns('float8|float4|int2|int4|int8');
	my $column = pick(@numbers);

	return $self->of_column(pick(@{ $self->{twin}{columns} }), $filter) if !@numbers || !$self->{holds_tags} && @{ $self->{twin}{series} } > 1 || $self->{is_rollup};
	$self->{is_plain} = 0 if !$self->{holds_tags};
	my $stepped = pick('', '', ', true', ', false', ', NULL', ', ' . $self->attribute('stepped'));
	my $largest = $self->extra("max(abs($column->{name}" . "::float8))$filter");
	return { sql => "tsdb.time_average($column->{name}, time$stepped ORDER BY time)$filter", as => 'timed', tolerances => [$largest] };
}

# The same for all rows of a series.
sub attribute { my ($self, $name) = @_; return "tsdb.$name(" . $self->local_arguments . ')'; }

sub attribute_condition
{
	my ($self) = @_;

	return weighted(
		$self->attribute('unit') . " = 'K'" => 2, $self->attribute('unit') . ' IS NULL' => 1, $self->attribute('low') . ' < 5' => 1,
		'coalesce(' . $self->attribute('high') . ', 3) > 2' => 1, 'NOT ' . $self->attribute('stepped') => 1, $self->attribute('timezone') . " LIKE '%e%'" => 1);
}

# An expression over aggregates.
sub expression
{
	my ($self, $column, $filter) = @_;
	my $name = $column->{name};
	my @exact = (
		"count(*)$filter * 2 + 1", "count($name)$filter || ' values'", "coalesce(nullif(count($name)$filter, 0), -1)",
		"CASE WHEN count(*) > 5 THEN min($name)$filter END");

	return { sql => '1 / (count(*)' . "$filter - 3)", as => 'exact' } if chance(0.03);
	return { sql => pick(@exact), as => 'exact' } if $column->{type} !~ /^(float8|float4|int2|int4|int8)$/ || chance(0.4);
	return { sql => "max($name)$filter - min($name)$filter", as => 'exact' } if $column->{type} !~ /int2|int4|int8/ && chance(0.4);
	return { sql => pick("sum($name)$filter / nullif(count($name)$filter, 0)", "avg($name)$filter * 2 - 1"), as => 'exact' } if $column->{type} =~ /^int/;
	my $sum = $self->number($column, 'sum', $filter);
	$sum->{sql} = pick("-$sum->{sql}", "coalesce($sum->{sql}, -1)", "$sum->{sql} + 0");
	return $sum;
}

sub filter
{
	my ($self) = @_;
	my $kind = weighted(tag => 3, time => 3, value => 1);
	my $condition = $kind eq 'tag' && @{ $self->{twin}{tags} } ? $self->tag_condition : $kind eq 'value' ? $self->value_condition : $self->time_condition;

	$self->{is_plain} = 0 if $kind eq 'value';
	return " FILTER (WHERE $condition)";
}

# Conditions.
sub where
{
	my ($self) = @_;
	my @conditions = map { $self->condition } 1 .. weighted(0 => 3, 1 => 5, 2 => 3, 3 => 1);

	return '' if !@conditions;
	if (@conditions > 1 && chance(0.08))
	{
		$self->{is_plain} = 0;
		return join(' OR ', @conditions);
	}
	return join(' AND ', @conditions);
}

sub condition
{
	my ($self) = @_;
	my $kind = weighted(time => 6, tag => 4, value => 2, quality => 1, odd => 0.6);

	return chance(0.15) ? $self->attribute_condition : $self->tag_condition if $kind eq 'tag' && @{ $self->{twin}{tags} };
	return $self->value_condition if $kind eq 'value';
	return $self->odd_condition if $kind eq 'odd';
	return 'tsdb.' . pick('is_good', 'is_bad', 'is_uncertain') . '(quality)' if $kind eq 'quality' && $self->columns('tsdb.quality');
	return $self->time_condition;
}

sub literal { my ($type, @literals) = @_; return "\x01$type\x02" . join("\x02", @literals) . "\x01"; }

sub time_literal
{
	my ($self) = @_;
	my @times = map {
		my $at = $self->{twin}->time_of(int(rand($self->{twin}{nrows} * 1.2)) - int(rand(20)));
		chance(0.3) ? $at . pick(' + ', ' - ') . "interval '" . pick('1 us', '17 min', '1 day', '0.5 s', '400 days') . "'" : $at;
	} 1, 2;

	return literal('timestamptz', @times);
}

sub time_condition
{
	my ($self) = @_;
	my ($a, $b) = ($self->time_literal, $self->time_literal);
	my $step = int($self->span_s / (1 + int(rand(30)))) || 1;

	return $self->local_condition if $self->{functions}{local_time} && chance(0.2);

	return weighted(
		"time >= $a" => 2, "time < $a" => 2, "$a <= time" => 0.5, "time > $a AND time <= $b" => 2,
		"time BETWEEN $a AND $b" => 2, "time >= $a AND time < $a + interval '$step s'" => 5, "time = $a" => 0.3, "time < now()" => 0.5,
		"time >= now() - interval '60 years'" => 0.3, "time < date_trunc('day', $a)" => 0.5, "time > '2024-03-31+00'" => 0.5, 'time < NULL' => 0.05,
		"time <= 'infinity'" => 0.2, "time >= (SELECT $a)" => 0.5, "time >= $a\::date" => 0.5, "time < $a\::timestamp" => 0.5, "time <> $a" => 0.2,
		"time::date = $a\::date" => 0.2, "time > $a - interval '1 month'" => 0.3);
}

sub tag_literal { my ($self, $tag) = @_; return literal($tag->{type}, map { $self->{twin}->tag_literal($tag->{type}) } 1, 2); }

sub tag_condition
{
	my ($self) = @_;
	my $tag = pick(@{ $self->{twin}{tags} });
	my ($name, $one, $two) = ($tag->{name}, $self->tag_literal($tag), $self->tag_literal($tag));
	return pick($name, "NOT $name", "$name IS NOT TRUE") if $tag->{type} eq 'bool' && chance(0.4);
	return "$name IN (SELECT $one FROM w)" if chance(0.04);
	return "$name = (SELECT $one)" if chance(0.08);
	my @text = $tag->{type} eq 'text' ? ("$name LIKE 'a%'" => 1, "$name ~ '[ab]'" => 1, "length($name) < 2" => 1, "$name ILIKE '%B%'" => 0.5) : ();

	return weighted(
		"$name = $one" => 4, "$name IN ($one, $two)" => 2, "$name <> $one" => 1, "$name IS NULL" => 0.5, "$name IS NOT NULL" => 1,
		"$name IS NOT DISTINCT FROM $one" => 1, "$name >= $one" => 1, "($name = $one OR $name IS NULL)" => 1,
		"$name = ANY (ARRAY[$one, $two])" => 1, @text);
}

sub value_condition
{
	my ($self) = @_;
	my $column = pick(@{ $self->{twin}{columns} });
	my ($name, $type) = ($column->{name}, $column->{type});
	my %literals = (
		float8 => [ '0', '10.5', '-50', "'NaN'", '20.5', '1e9', "'-0'", "'Infinity'" ], float4 => [ '0', '2.5', '6', "'NaN'" ], int2 => [ 0, 1, -100, 32767 ],
		int4 => [ 0, 10, -1000, 2147483647 ], int8 => [ 0, 50, '1000000007', '9223372036854775000' ], text => [ "'state 3'", "''" ],
		'tsdb.quality' => [ 0, -2147483648, 1073741824 ],
		timestamptz => [ "'2000-01-02+00'", "'infinity'" ], date => [ "'2001-01-01'", "'-infinity'" ]);

	return pick("$name IS NULL", "$name IS NOT NULL") if chance(0.2) || !$literals{$type} && $type ne 'bool';
	return pick($name, "NOT $name", "$name IS TRUE", "$name = true") if $type eq 'bool';
	my ($one, $two) = map { literal($type, pick(@{ $literals{$type} }), pick(@{ $literals{$type} })) } 1, 2;
	return "$name " . pick('>', '<', '>=', '<=', '=', '<>') . " $one" if chance(0.8);
	return "$name BETWEEN $one AND $two" if chance(0.5);
	return "$name " . pick('>', '<=', '=') . ' ' . pick('0', '1.5', '100000', '-3::int8', '7::int2', '0.25::float4') if $type =~ /^(int|float)/;
	return "$name IN ($one, $two)";
}

sub odd_condition
{
	my ($self) = @_;
	my @numbers = $self->columns('float8|int2|int4');

	$self->{is_plain} = 0;
	return pick(
		'false', 'true', '1 = 0', 'extract(hour FROM time) < 12', "(time > " . $self->time_literal . " OR time < " . $self->time_literal . ')',
		(map { "$_->{name} % 2 = 0" } grep { $_->{type} ne 'float8' } @numbers), (map { "abs($_->{name}) > 5" } grep { $_->{type} eq 'float8' } @numbers),
		'time IN (' . $self->time_literal . ', ' . $self->time_literal . ')');
}

sub having
{
	my ($self) = @_;
	my $column = pick(@{ $self->{twin}{columns} });
	my ($name, $type) = ($column->{name}, $column->{type});
	my @choices = ("count(*) > " . int(rand(50)), "count($name) BETWEEN 1 AND 100", 'max(time) > ' . $self->time_literal, 'count(*) % 2 = 0');

	push @choices, "min($name) IS NOT NULL", "max($name) > min($name)" if $type =~ /^(float|int|date|timestamptz)/;
	push @choices, "sum($name) > 1234.56789", "avg($name) < 17.123456" if $type =~ /^(float|int)/ && !$column->{wild};
	push @choices, "bool_or($name)" if $type eq 'bool';
	push @choices, pick(@{ $self->{keys} })->{sql} . ' IS NOT NULL' if @{ $self->{keys} };
	return pick(@choices);
}

# ORDER BY all keys, so that LIMIT takes the same groups on both sides; or none.
sub decide_order
{
	my ($self) = @_;

	$self->{order} = '';
	$self->{limit} = '';
	return if !@{ $self->{keys} } || $self->{is_rollup} || !chance(0.5);
	my @order = map { $_->{sql} =~ /^'|^NULL|^\d/ ? () : $_->{sql} . pick('', '', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST') } shuffle(@{ $self->{keys} });
	unshift @order, pick('count(*)', 'count(*) DESC', 'max(time) DESC') if chance(0.15);
	return if !@order;
	$self->{order} = ' ORDER BY ' . join(', ', @order);
	$self->{limit} = ' LIMIT ' . int(rand(12)) . (chance(0.3) ? ' OFFSET ' . int(rand(5)) : '') if chance(0.4);
	$self->{is_ordered} = 1;
	return;
}

# sql(table) - the query with its parameters still marked
sub sql
{
	my ($self, $table) = @_;
	my @keys = @{ $self->{keys} };
	my @select = map { $_->{selected} ? $_->{sql} : () } @keys;
	my @group = map { $_->{sql} } @keys;
	my $sql = 'SELECT ' . join(', ', @select, (map { $_->{sql} } @{ $self->{cells} }), $table eq 'h' ? @{ $self->{extras} } : ()) . " FROM $table";
	$sql .= " WHERE $self->{where}" if $self->{where};
	$sql .= ' GROUP BY ' . ($self->{is_rollup} ? 'ROLLUP (' . join(', ', @group) . ')' : join(', ', @group)) if @group;
	$sql .= " HAVING $self->{having}" if $self->{having};
	$sql =~ s/\x03/$table/g;
	return $sql . $self->{order} . $self->{limit};
}

# shape - of a row of the answer: { nkeys, cells => [...] }
sub shape
{
	my ($self) = @_;
	my @keys = map { { as => 'exact' } } grep { $_->{selected} } @{ $self->{keys} };

	return [ @keys, @{ $self->{cells} } ];
}

# Ways to ask.  Each gives { setup => [SQL...], m => [SQL...], h => [SQL...], lead => columns before the query's, ... }.
sub statements
{
	my ($self) = @_;
	my $way = weighted(plain => 10, prepared => 4, lateral => 2, cte => 1, subquery => 1, union => 0.5, cursor => 0.7, join => 1, window => 0.5, srf => 0.3, distinct => 0.3, edges => 1.5, rows => 1.5, dimension => 1);
	my $method = "as_$way";

	return { way => $way, lead => 0, setup => [], cleanup => [], is_ordered => $self->{is_ordered}, %{ $self->$method } };
}

# plain_text(sql) - literals in their places
sub plain_text
{
	my ($sql) = @_;
	$sql =~ s/\x01([^\x02]*)\x02([^\x02]*)\x02[^\x01]*\x01/cast_text($1, $2)/ge;
	return $sql;
}

sub cast_text { my ($type, $text) = @_; return "($text)::$type"; }
sub both { my ($self, $wrap) = @_; return map { $_ => [ $wrap->(plain_text($self->sql($_))) ] } qw(m h); }
sub as_plain { my ($self) = @_; return { $self->both(sub { $_[0] }) }; }
sub as_cte { my ($self) = @_; my $how = pick('', 'MATERIALIZED ', 'NOT MATERIALIZED '); return { is_named => 1, $self->both(sub { "WITH q AS $how($_[0]) SELECT * FROM q" }) }; }
sub as_subquery { my ($self) = @_; return { $self->both(sub { "SELECT * FROM ($_[0]) q OFFSET 0" }) }; }
sub as_union { my ($self) = @_; return { is_ordered => 0, $self->both(sub { "($_[0]) UNION ALL ($_[0])" }) }; }
sub as_join { my ($self) = @_; return { lead => 2, is_ordered => 0, $self->both(sub { "SELECT w.n, w.word, q.* FROM w JOIN LATERAL ($_[0]) q ON w.n < 2" }) }; }

sub as_window { my ($self) = @_; return { lead => 2, is_ordered => 0, $self->both(sub { "SELECT count(*) OVER (), 1, q.* FROM ($_[0]) q" }) }; }
sub as_srf { my ($self) = @_; return { lead => 1, is_ordered => 0, $self->both(sub { (my $sql = $_[0]) =~ s/^SELECT /SELECT generate_series(1, 2), /; $sql }) }; }

# Only of what is equal to the digit.
sub as_distinct
{
	my ($self) = @_;

	return $self->as_plain if grep { $_->{as} ne 'exact' } @{ $self->shape } or $self->{order};
	return { $self->both(sub { (my $sql = $_[0]) =~ s/^SELECT /SELECT DISTINCT /; $sql }) };
}

# Not the query, but one row of each series that its conditions leave: the last one, the first one, or any.
sub as_edges
{
	my ($self) = @_;
	my @tags = shuffle(map { $_->{name} } @{ $self->{twin}{tags} });
	my @columns = ('time', map { $_->{name} } grep { chance(0.3) } @{ $self->{twin}{columns} });
	my $where = $self->{where} ? " WHERE $self->{where}" : '';
	my $order = join(', ', (map { $_ . pick('', '', ' DESC', ' NULLS FIRST') } @tags), 'time' . pick('', ' DESC', ' DESC'));
	my $select = 'DISTINCT ON (' . join(', ', @tags) . ') ' . join(', ', @tags, @columns);

	return $self->as_plain if !@tags;
	if (chance(0.3))
	{
		pop @tags if @tags > 1 && chance(0.5);
		($select, $order, @columns) = ('DISTINCT ' . join(', ', @tags), join(', ', @tags));
	}
	return {
		shape => [ map { { as => 'exact' } } @tags, @columns ], is_ordered => 1,
		map { my $table = $_; $table => [ plain_text("SELECT $select FROM $table$where ORDER BY $order") ] } qw(m h) };
}

# Not the query, but rows that its conditions leave, in order of time or of tags; often the first few.
sub as_rows
{
	my ($self) = @_;
	my @tags = shuffle(map { $_->{name} } @{ $self->{twin}{tags} });
	my @columns = map { $_->{name} } grep { chance(0.4) } @{ $self->{twin}{columns} };
	my @order = map { $_ . pick('', '', ' DESC', ' NULLS FIRST') } @tags;
	my $time = 'time' . pick('', ' DESC', ' DESC');
	my $limit = chance(0.3) ? '' : ' LIMIT ' . int(rand(pick(3, 30, 3000))) . (chance(0.3) ? ' OFFSET ' . int(rand(pick(3, 300))) : '');
	my $where = $self->{where} ? " WHERE $self->{where}" : '';
	my $order = join(', ', chance(0.6) ? ($time, @order) : (@order, $time));

	return {
		shape => [ map { { as => 'exact' } } @tags, 'time', @columns ], is_ordered => 1,
		map { my $table = $_; $table => [ plain_text('SELECT ' . join(', ', @tags, 'time', @columns) . " FROM $table$where ORDER BY $order$limit") ] } qw(m h) };
}

# For each combination of tags: its last or first rows, or what there are.
sub as_dimension
{
	my ($self) = @_;
	my @tags = map { $_->{name} } @{ $self->{twin}{tags} };
	my @columns = map { $_->{name} } grep { chance(0.3) } @{ $self->{twin}{columns} };

	return $self->as_plain if !@tags;
	my $is_counted = chance(0.4);
	my @inner = $is_counted ? ('count(*)', 'min(time)', 'max(time)', map { "count($_)" } @columns) : ('time', @columns);
	my @joined = map { "x.$_ " . pick('=', '=', 'IS NOT DISTINCT FROM') . " d.$_" } grep { chance(0.8) } @tags;
	my $where = join(' AND ', 'true', @joined, $self->{where} ? "($self->{where})" : ());
	my $rest = $is_counted ? '' : ' ORDER BY x.time' . pick('', ' DESC') . ', ' . join(', ', map { "x.$_" } @tags) . ' LIMIT ' . int(rand(4));
	my $join = pick('CROSS JOIN LATERAL (%s) y', 'LEFT JOIN LATERAL (%s) y ON true');

	return {
		shape => [ map { { as => 'exact' } } @tags, @inner ], is_ordered => 0,
		map {
			my $inner = 'SELECT ' . join(', ', @inner) . " FROM $_ x WHERE $where$rest";
			$_ => [ plain_text('SELECT ' . join(', ', map { "d.$_" } @tags) . ', y.* FROM (SELECT DISTINCT ' . join(', ', @tags) . " FROM $_) d " . sprintf($join, $inner)) ]
		} qw(m h) };
}

sub as_cursor
{
	my ($self) = @_;
	my $options = pick('', 'SCROLL ', 'NO SCROLL ');

	return { is_cursor => 1, $self->both(sub { ("DECLARE k ${options}CURSOR FOR $_[0]", 'FETCH 2 k', 'FETCH ALL k', 'CLOSE k') }) };
}

# PREPARE once, EXECUTE with other parameters, zones and generic plans.
sub as_prepared
{
	my ($self) = @_;
	my (@types, @one, @other);
	my %text = map { my $table = $_; @types = @one = @other = (); $table => scalar(mark_all($self->sql($table), \@types, \@one, \@other)) } qw(m h);
	my $types = @types ? '(' . join(', ', @types) . ')' : '';
	my @arguments = map { @types ? '(' . join(', ', @$_) . ')' : '' } \@one, \@other, \@one;
	my @zones = map { pick(@ZONES) } 1 .. 3;
	my @settings = ("SET plan_cache_mode = " . pick('auto', 'force_generic_plan', 'force_custom_plan'));
	my %run = map {
		my $table = $_;
		$table => [ "SET TimeZone = '$zones[0]'", "PREPARE p_$table$types AS $text{$table}", map { ("SET TimeZone = '$zones[$_]'", "EXECUTE p_$table$arguments[$_]") } 0 .. 2 ]
	} qw(m h);

	return { setup => \@settings, cleanup => [ 'DEALLOCATE ALL', 'RESET plan_cache_mode' ], %run };
}

# mark_all - literals become $1, $2, ...; those of the heap's query number alike, for extras repeat no literal but in FILTER
sub mark_all
{
	my ($sql, $types, $one, $other) = @_;
	my %number;

	$sql =~ s/\x01([^\x02]*)\x02([^\x02]*)\x02([^\x01]*)\x01/'$' . number_of(\%number, $types, $one, $other, $1, $2, $3)/ge;
	return $sql;
}

sub number_of
{
	my ($number, $types, $one, $other, $type, $a, $b) = @_;

	return $number->{"$type $a $b"} //= do {
		push @$types, $type;
		push @$one, cast_text($type, $a);
		push @$other, cast_text($type, $b);
		scalar @$types;
	};
}

# Each row of VALUES asks for its own parameters: a rescan.
sub as_lateral
{
	my ($self) = @_;
	my $join = pick(', LATERAL', ' LEFT JOIN LATERAL');
	my $on = $join =~ /LEFT/ ? ' ON true' : '';
	my %run = map {
		my (@types, @one, @other);
		my $text = mark_all($self->sql($_), \@types, \@one, \@other);
		$text =~ s/\$(\d+)/p.p$1/g;
		my $names = join(', ', 'n', map { "p$_" } 1 .. @types);
		my $values = join(', ', map { '(' . join(', ', @$_) . ')' } [ 1, @one ], [ 2, @other ], [ 3, @one ]);
		$_ => ["SELECT p.n, x.* FROM (VALUES $values) p ($names)$join ($text) x$on"]
	} qw(m h);

	return { lead => 1, is_ordered => 0, %run };
}

1;
