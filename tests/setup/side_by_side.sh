#!/usr/bin/env bash
# Runs commands at once: the first is seen as it goes, what the others printed is shown at the end, one after the other.
# Fails where one of them does; an interrupt ends all.
set -uo pipefail
first=$1
shift
printed=$(mktemp --directory)
running=()
set -m  # a process group of its own for each, which can be ended whole
for command in "$@"; do
    bash -c "$command" > "$printed/${#running[@]}" 2>&1 &
    running+=($!)
done
set +m
trap 'for group in "${running[@]}"; do kill -- "-$group" 2> /dev/null; done; rm -rf "$printed"' EXIT
trap 'exit 130' INT TERM
bash -c "$first"
code=$?
for number in "${!running[@]}"; do
    wait "${running[number]}" || code=1
    cat "$printed/$number"
done
exit $code
