#!/usr/bin/env bash
# Debian's Python makes no virtual environment until a package of its own is installed.
set -euo pipefail

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "This Python cannot make a virtual environment. As root: apt-get install python3-venv" >&2
    exit 1
fi
exec "$(dirname "$0")/apt_install.sh" python3-venv
