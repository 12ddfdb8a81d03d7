#!/usr/bin/perl
# Numbered lines, written or checked.
#   lines.pl write COUNT        writes lines 0 to COUNT-1 of 64 bytes and waits to be ended
#   lines.pl check COUNT FILE…  whether the files hold them all, in order, once; files may come in
#                               any order and may begin and end within a line
use strict;
use warnings;

my ($verb, $count, @files) = @ARGV;
my $filling = '.' x 50 . "\n";

if ($verb eq 'write') {
    $| = 0;
    for my $number (0 .. $count - 1) {
        printf '%013d%s', $number, $filling;
    }
    close STDOUT;
    sleep 1 while 1;
}

sub slurp {
    open my $file, '<:raw', $_[0] or die "$_[0]: $!\n";
    local $/;
    return scalar(<$file>) // '';
}

# A file's place follows from the first line that is whole in it.
my @pieces;
for my $file (@files) {
    next if -z $file;
    my $text = slurp($file);
    my $start = $text =~ /^(\d{13})\.{50}\n/ ? $1 * 64
        : $text =~ /\n(\d{13})\.{50}\n/ ? $1 * 64 - $-[1]
        : die "$file holds no whole line\n";
    push @pieces, [$start, $file];
}
my $at = 0;
for my $piece (sort { $a->[0] <=> $b->[0] } @pieces) {
    my ($start, $file) = @$piece;
    die "byte $at to byte $start are missing before $file\n" if $start > $at;
    die "byte $start to byte $at are there twice, in $file\n" if $start < $at;
    my $text = slurp($file);
    my $first = int($at / 64);
    my $last = int(($at + length($text)) / 64);
    my $expected = join '', map { sprintf '%013d%s', $_, $filling } $first .. $last;
    die "$file differs from what was written\n"
        if substr($expected, $at % 64, length $text) ne $text;
    $at += length $text;
}
die "only $at of ", $count * 64, " bytes are there\n" if $at != $count * 64;
printf "%d bytes in %d files, every one once and in order\n", $at, scalar @pieces;
