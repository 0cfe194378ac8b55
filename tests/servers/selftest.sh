#!/usr/bin/env bash
# Do the servers of this directory do what their scripts say? Starts all, drives them with Python's smtplib, openssl,
# curl and swaks, stops them, and checks that nothing is left running. Status 77 when none can run here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"

need_command python3 python3
need_command curl curl
need_command swaks swaks
DIR=$(mktemp -d)
trap '"$here/all.sh" stop "$DIR"; rm -rf "$DIR"' EXIT
"$here/all.sh" start "$DIR"
"$here/all.sh" start "$DIR" # a second time changes nothing
python3 "$here/selftest.py" "$DIR"
"$here/all.sh" stop "$DIR"
for process in /proc/[0-9]*; do
    ! is_ours "${process#/proc/}" || [ "${process#/proc/}" = $$ ] || die "left running: $(tr '\0' ' ' <"$process/cmdline")"
done
say "all is well"
