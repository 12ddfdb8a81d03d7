#!/bin/sh
# Lives for 5 to 14 seconds, then fails.
seconds=$((5 + $$ % 10))
echo "fine for $seconds seconds"
sleep "$seconds"
echo "something broke" >&2
exit 1
