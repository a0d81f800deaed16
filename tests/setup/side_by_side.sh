#!/usr/bin/env bash
# Runs two commands at once: the first is seen as it goes, what the second printed is shown at the end.
# Fails where one of them does; an interrupt ends both.
set -uo pipefail
printed=$(mktemp)
set -m  # a process group of its own, which can be ended whole
bash -c "$2" > "$printed" 2>&1 &
second=$!
set +m
trap 'kill -- -$second 2> /dev/null; rm -f "$printed"' EXIT
trap 'exit 130' INT TERM
bash -c "$1"
first_code=$?
wait $second
second_code=$?
cat "$printed"
exit $((first_code || second_code))
