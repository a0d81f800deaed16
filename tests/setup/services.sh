#!/usr/bin/env bash
# What the tests run for real, Slurm and its accounting, PostgreSQL and Chromium: root gets it installed, anybody else
# hears what is left out.
# The tests start their own daemons in temporary folders; a missing one is skipped, and in CI a failure.
set -uo pipefail

here=$(dirname "$0")
# Daemons are in sbin, which an ordinary user's PATH may lack, and Debian keeps initdb out of everybody's.
PATH="$PATH:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)"

has() { command -v "$1" >/dev/null; }
has_slurm() { has slurmctld && has slurmd && has sbatch; }
has_accounting() { has slurmdbd && has sacctmgr && has mariadbd; }
has_chromium() { has chromium || has chromium-browser; }

# One package and one line for each suite that lacks its service.
packages=()
left_out=()
look() {
    packages=() left_out=()
    has_slurm || { packages+=(slurmctld slurmd slurm-client); left_out+=("Slurm: install slurmctld, slurmd and slurm-client"); }
    has_accounting || { packages+=(slurmdbd mariadb-server-core); left_out+=("Slurm's accounting: install slurmdbd and mariadb-server-core"); }
    has_chromium || { packages+=(chromium); left_out+=("browser: install chromium"); }
    # Not in this list of what is left out: the `postgres` extra brings binaries of its own.
    has initdb || packages+=(postgresql)
}

look
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" -eq 0 ] && has apt-get; then
    "$here/apt_install.sh" "${packages[@]}"
    look
fi
for suite in ${left_out[@]+"${left_out[@]}"}; do
    echo "Left out, the tests with $suite"
done
