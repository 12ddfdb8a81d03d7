#!/usr/bin/perl
# A web server in a screenful of perl: answers every GET on 127.0.0.1:PORT and logs it.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my $port = shift // 8099;
$SIG{TERM} = sub { print "bye\n"; exit 0 };
my $server = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1,
) or die "cannot listen on port $port: $!\n";
print "listening on http://127.0.0.1:$port/\n";

my $served = 0;
while (1) {
    my $client = $server->accept or next;
    # One at a time is enough here; nobody may hold the others up.
    local $SIG{ALRM} = sub { die "slow\n" };
    eval {
        alarm 2;
        my $request = <$client> // '';
        while (my $header = <$client>) { last if $header =~ /^\r?\n$/ }
        $served++;
        my $body = "Hello from $ENV{SUPERVISOR_PROCESS_NAME}, pid $$, request $served.\n";
        print $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n",
            'Content-Length: ', length $body, "\r\n\r\n", $body;
        $request =~ s/[^ -~]//g;
        print "$request\n";
    };
    alarm 0;
    close $client;
}
