#!/usr/bin/env bash
# apt_install.sh PACKAGE...: installs packages as root, without questions and without starting a service.
set -euo pipefail

# Debian asks this script whether a service may start after its installation; 101 means no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -q "$@"; }

for attempt in 1 2 3; do
    if apt update && apt install -y --no-install-recommends "$@"; then
        exit 0
    fi
    echo "apt-get failed, attempt $attempt of 3" >&2
    sleep $((attempt * 5))
done
exit 1
