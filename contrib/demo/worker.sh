#!/bin/sh
# Pretends to work: a line every second, a warning now and then.
n=0
trap 'echo "worker $WORKER: stopping after $n jobs"; exit 0' TERM
echo "worker $WORKER: ready"
while :; do
    n=$((n + 1))
    echo "$(date '+%H:%M:%S') worker $WORKER: job $n done"
    [ $((n % 10)) -ne 0 ] || echo "worker $WORKER: $n jobs and no pay" >&2
    sleep 1 & wait $!
done
