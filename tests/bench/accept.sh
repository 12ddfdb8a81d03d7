#!/bin/bash
# Load and trouble on the real daemon; prints what was seen and what it took.
#
#   tests/bench/accept.sh [PART...]    parts: idle lines reopen crash storm disk folder files
#
# SVX=PATH   the binary; default: target/release/svx, built first
# MIB=N      how much is logged by `lines` and `reopen`; default 1024
# COUNT=N    how many programs `idle` runs; default 1000
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [[ -z ${SVX:-} ]]; then
    cargo build --release --quiet
    SVX=$PWD/target/release/svx
fi
SVX=$(realpath "$SVX")
LINES_PL=$PWD/tests/bench/lines.pl
MIB=${MIB:-1024}
COUNT=${COUNT:-1000}
WAIT=180
failed=0

# -- a daemon in a directory of its own

begin() { # begin CONFIG: writes it and starts the daemon; sets here, pid
    here=$(mktemp -d "${TMPDIR:-/tmp}/svx-accept.XXXXXX")
    mkdir "$here/logs"
    cat >"$here/c" <<END
[unix_http_server]
file=%(here)s/s
[supervisorctl]
serverurl=unix://%(here)s/s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/pid
childlogdir=%(here)s
$1
END
    "$SVX" daemon -n -s -c "$here/c" </dev/null >"$here/stdout" 2>&1 &
    pid=$!
    until_true "the daemon answers" ctl pid
}

end() { # stops the daemon and removes its directory
    local begun status=0
    begun=$(now)
    kill -TERM "$pid"
    wait "$pid" || status=$?
    note "stopped in $(since "$begun") s, status $status"
    [[ $status == 0 ]] || bad "the daemon ended with status $status"
    pid=
    rm -rf "$here"
}

ctl() { "$SVX" ctl -c "$here/c" "$@" 2>&1; }
running() { (ctl status || true) | grep -c ' RUNNING ' || true; }
now() { date +%s%N; }
since() { echo "$((($(now) - $1) / 1000000))" | sed 's/...$/.&/; s/^\./0./; s/^\(.\|..\)$/0.0\1/'; }
cpu() { # seconds of CPU and MiB of memory used by the daemon so far
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f s CPU", ($14 + $15) / hz }' "/proc/$pid/stat"
    awk '/VmRSS/ { printf ", %.1f MiB", $2 / 1024 }' "/proc/$pid/status"
}
note() { printf '  %s\n' "$*"; }
bad() { printf '  FAILED: %s\n' "$*"; failed=1; }
until_true() { # until_true WHAT COMMAND...
    local end=$((SECONDS + WAIT)) what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)) || ! kill -0 "$pid" 2>/dev/null; then
            bad "in vain: $what"
            tail -n 20 "$here/main.log" "$here/stdout" || true
            return 1
        fi
        sleep 0.05
    done
}
said() { grep -q "$1" "$here/main.log"; }
told() { # what the main log says beyond the ordinary, each sentence once
    grep -E ' (CRIT|ERRO|WARN) ' "$here/main.log" | grep -v 'running \(as root\|without any HTTP\)' |
        cut -d' ' -f3- | sed 's/[0-9]\{3,\}/N/g' | sort | uniq -c | sort -rn | head -"${1:-4}" |
        cut -c1-150
}
all_run() { [[ $(running) == "$1" ]]; }
trap '[[ -z ${pid:-} ]] || kill -KILL "$pid" 2>/dev/null || true
      [[ -z ${mounted:-} ]] || umount -l "$mounted" || true' EXIT

# -- the parts

part_idle() {
    local begun
    begun=$(now)
    begin "minfds=$((COUNT * 4 + 100))
[program:sleep]
command=sleep 100000
process_name=%(process_num)d
numprocs=$COUNT
stdout_logfile=NONE
stderr_logfile=NONE"
    until_true "all are RUNNING" all_run "$COUNT"
    note "$COUNT programs RUNNING after $(since "$begun") s; $(cpu)"
    if command -v strace >/dev/null; then
        timeout -s INT 10 strace -c -f -p "$pid" -o "$here/strace" 2>/dev/null || true
        local calls
        calls=$(awk '$NF == "total" { print $(NF - 1) ~ /^[0-9]+$/ ? $(NF - 1) : $(NF - 2) }' "$here/strace")
        note "system calls in 10 idle seconds: ${calls:-0}"
        [[ ${calls:-0} == 0 ]] || { bad "it woke up"; cat "$here/strace"; }
    else
        note "no strace, wake-ups not counted"
    fi
    end
}

log_of() { # log_of MORE-CONFIG: one writer of $MIB MiB
    lines=$((MIB * 1024 * 1024 / 64))
    begin "[program:writer]
command=perl $LINES_PL write $lines
stdout_logfile=%(here)s/logs/out
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=$((MIB * 2 + 100))
stderr_logfile=NONE
autorestart=false"
}
written() { # whether the writer has closed its stdout, so that the daemon has all of it
    local writer
    writer=$(ctl pid writer)
    [[ ! -e /proc/$writer/fd/1 ]] && sleep 0.3
}

part_lines() {
    local begun lines verdict
    begun=$(now)
    log_of
    until_true "all is written" written
    note "$MIB MiB in $(since "$begun") s; $(cpu)"
    if verdict=$(perl "$LINES_PL" check "$lines" "$here"/logs/out* 2>&1); then
        note "$verdict"
    else
        bad "$verdict"
    fi
    end
}

part_reopen() {
    local begun lines verdict turns=0
    begun=$(now)
    log_of
    until written; do
        ((SECONDS < begun / 1000000000 + WAIT)) || true
        mv "$here/logs/out" "$here/logs/moved.$turns" 2>/dev/null || true
        kill -USR2 "$pid"
        turns=$((turns + 1))
        sleep 0.1
    done
    note "$MIB MiB in $(since "$begun") s with $turns renames and reopenings; $(cpu)"
    if verdict=$(perl "$LINES_PL" check "$lines" "$here"/logs/* 2>&1); then
        note "$verdict"
    else
        bad "$verdict"
    fi
    end
}

part_crash() {
    local begun child
    begin "[program:a]
command=sleep 1000
autorestart=true"
    until_true "it runs" all_run 1
    child=$(ctl pid a)
    begun=$(now)
    kill -KILL "$child"
    until_true "another one runs" eval '[[ $(ctl pid a) != @(0|$child) ]]'
    note "kill -9: a new one seen after $(since "$begun") s"
    until_true "it is RUNNING" all_run 1
    note "$(grep 'exited: a' "$here/main.log" | cut -d' ' -f2-)"
    note "$(grep 'spawned:' "$here/main.log" | tail -n 1 | cut -d' ' -f2-)"
    end
}

part_storm() {
    local begun pids
    begin "minfds=2200
[program:p]
command=sleep 1000
process_name=%(process_num)d
numprocs=500
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE"
    until_true "all run" all_run 500
    pids=$(ctl pid all)
    begun=$(now)
    # shellcheck disable=SC2086
    kill -KILL $pids
    ctl pid >/dev/null
    note "500 killed at once: an answer after $(since "$begun") s"
    until_true "all deaths are told" eval '[[ $(grep -c "exited: " "$here/main.log") == 500 ]]'
    until_true "all run again" all_run 500
    note "all RUNNING again after $(since "$begun") s (startsecs is 1); $(cpu)"
    note "zombies left: $(ps --ppid "$pid" -o stat= | grep -c Z || true)"
    end
}

part_disk() {
    if ! [[ $(id -u) == 0 ]]; then
        note "needs root for a tmpfs; left out"
        return
    fi
    begin "[program:chatty]
command=sh -c 'n=0; while :; do n=\$((n+1)); printf %%0500d\\\\n \$n; sleep 0.01; done'
stdout_logfile=%(here)s/full/out
stdout_logfile_maxbytes=0
autostart=false
[program:quiet]
command=sleep 1000"
    mkdir "$here/full"
    mount -t tmpfs -o size=64k tmpfs "$here/full"
    mounted=$here/full
    ctl start chatty >/dev/null
    head -c 100000 /dev/zero >"$here/full/ballast" 2>/dev/null || true
    until_true "the disk is full" eval '! echo x >"$here/full/probe"'
    sleep 3
    all_run 2 && note "disk full for 3 s: both RUNNING; $(cpu)" || bad "not both run"
    told
    rm "$here/full/ballast"
    local before
    before=$(stat -c %s "$here/full/out" || echo 0)
    until_true "logging resumes" eval '(($(stat -c %s "$here/full/out") > before + 50))'
    note "space again: logging resumed"
    note "$(tail -n 1 "$here/main.log" | cut -d' ' -f3- | cut -c1-150)"
    ctl stop chatty >/dev/null
    umount "$here/full"
    mounted=
    end
}

part_folder() {
    begin "[program:chatty]
command=sh -c 'n=0; while :; do n=\$((n+1)); echo line \$n; sleep 0.01; done'
stdout_logfile=%(here)s/logs/out
stdout_logfile_maxbytes=1KB
stdout_logfile_backups=2"
    until_true "it logs" test -s "$here/logs/out"
    rm -rf "$here/logs"
    sleep 3
    all_run 1 && note "log directory removed: RUNNING" || bad "it does not run"
    told
    [[ -e $here/logs/out ]] && note "made again at the next rotation"
    kill -USR2 "$pid"
    until_true "the log is back after USR2" test -e "$here/logs/out"
    note "after USR2 it logs to a new one"
    end
}

part_files() {
    local before
    before=$(ulimit -n)
    ulimit -Sn 64
    # A hard limit too, or root would be helped up.
    ( # the limit cannot be undone
        ulimit -Hn 64
        begin "minfds=16
[program:p]
command=sleep 1000
process_name=%(process_num)d
numprocs=40
startretries=1"
        until_true "all is decided" eval '! ctl status | grep -Eq "STARTING|BACKOFF"'
        local up
        up=$(running)
        note "64 descriptors, 40 programs: $up RUNNING, $( (ctl status || true) | grep -c FATAL) FATAL"
        (ctl status || true) | grep FATAL | head -n 1
        told 2
        ctl stop p:0 p:1 p:2 >/dev/null
        note "$(ctl start p:39)"
        [[ $(running) == $((up - 2)) ]] || note "$(running) RUNNING after 3 stops and a start"
        end
        exit "$failed"
    ) || failed=1
    ulimit -Sn "$before"
}

shopt -s extglob
[[ $# -gt 0 ]] || set -- idle lines reopen crash storm disk folder files
"$SVX" --version
for part; do
    echo "== $part"
    "part_$part" || failed=1
done
exit "$failed"
