# feeder.pl - sample this machine once a second and write it to table "machine".
#
#   perl feeder.pl PSQL ARGUMENTS...
#
# One INSERT a second through one psql; runs until it is stopped or psql ends.
use strict;
use warnings;
use POSIX qw(strftime);
use Time::HiRes qw(time sleep);

my $stop = 0;
$SIG{TERM} = sub { $stop = 1 };
$SIG{PIPE} = 'IGNORE';

chomp(my $host = slurp('/proc/sys/kernel/hostname'));
open(my $psql, '|-', @ARGV) or die "feeder: $ARGV[0]: $!\n";
$psql->autoflush(1);

my %last;
my $last_time;
while (!$stop)
{
	# On the second, so that the times are regular.
	sleep(1 - (time() - int(time())));
	my $now = time();
	my @rows;
	push @rows, cpu(), memory(), load();
	push @rows, disks($now), network($now);
	$last_time = $now;
	next unless @rows;
	my $stamp = strftime("%Y-%m-%d %H:%M:%S+00", gmtime($now));
	print $psql "INSERT INTO machine (time, host, metric, device, value) VALUES\n",
	  join(",\n", map { row($stamp, @$_) } @rows), ";\n"
	  or last;
}
close($psql);

sub row
{
	my ($stamp, $metric, $device, $value) = @_;
	return sprintf("('%s', %s, '%s', %s, %.10g)", $stamp, quote($host), $metric, defined $device ? quote($device) : 'NULL', $value);
}

sub quote
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

sub slurp
{
	my ($path) = @_;
	open(my $in, '<', $path) or return '';
	local $/;
	return scalar <$in> // '';
}

# Per cent of the last second, all cores together.
sub cpu
{
	my ($user, $nice, $system, $idle, $iowait, @more) = (split ' ', (split /\n/, slurp('/proc/stat'))[0] // '')[ 1 .. 8 ];
	return () unless defined $iowait;
	my %now = (user => $user + $nice, system => $system, iowait => $iowait);
	my $all = $user + $nice + $system + $idle + $iowait;
	$all += $_ // 0 foreach @more;
	my $before = $last{cpu};
	$last{cpu} = { %now, all => $all };
	return () unless $before && $all > $before->{all};
	return
	  map { [ "cpu_$_", undef, sprintf('%.2f', 100 * ($now{$_} - $before->{$_}) / ($all - $before->{all})) ] } sort keys %now;
}

sub memory
{
	my %kb = slurp('/proc/meminfo') =~ /^(\w+):\s+(\d+) kB/mg;
	return () unless $kb{MemTotal} && defined $kb{MemAvailable};
	return (
		[ 'mem_used_percent', undef, sprintf('%.2f', 100 * (1 - $kb{MemAvailable} / $kb{MemTotal})) ],
		[ 'mem_available_mb', undef, sprintf('%.1f', $kb{MemAvailable} / 1024) ]);
}

sub load
{
	my ($one, $five) = split ' ', slurp('/proc/loadavg');
	return () unless defined $five;
	return ([ 'load1', undef, $one ], [ 'load5', undef, $five ]);
}

# Whole disks only: /sys/block has no partitions.
sub disks
{
	my ($now) = @_;
	my @rows;
	foreach my $line (split /\n/, slurp('/proc/diskstats'))
	{
		my @field = split ' ', $line;
		my $disk = $field[2];
		next if $disk =~ /^(loop|ram|zram|dm-|sr|fd)/ || !-e "/sys/block/$disk";
		push @rows, rate($now, 'disk_read_bytes', $disk, 512 * $field[5]), rate($now, 'disk_write_bytes', $disk, 512 * $field[9]);
	}
	return @rows;
}

# Cards, tunnels and bridges, not the plumbing between them.
sub network
{
	my ($now) = @_;
	my @rows;
	foreach my $line (split /\n/, slurp('/proc/net/dev'))
	{
		next unless $line =~ /^\s*([^:\s]+):\s*(.*)/ && $1 !~ /^(lo$|ifb|veth|dummy)/;
		my ($card, @field) = ($1, split ' ', $2);
		push @rows, rate($now, 'net_received_bytes', $card, $field[0]), rate($now, 'net_sent_bytes', $card, $field[8]);
	}
	return @rows;
}

# A counter's growth per second; nothing for its first reading or when it starts again.
sub rate
{
	my ($now, $metric, $device, $counter) = @_;
	my $before = $last{"$metric $device"};
	$last{"$metric $device"} = $counter;
	return () unless defined $before && $counter >= $before && $now > $last_time;
	return [ $metric, $device, sprintf('%.0f', ($counter - $before) / ($now - $last_time)) ];
}
