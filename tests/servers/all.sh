#!/usr/bin/env bash
# All mail servers for the tests: start DIR | stop DIR
#
# Each gets a directory of its own below DIR, named like its script, with an env file in it. A server that cannot
# run here is said to be left out; the status is 0 if any started, else 77. With HELOISE_TEST_SERVERS_REQUIRED=1 all
# of them have to start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"

SERVERS=(sink postfix dovecot exim opensmtpd)

start() {
    local server status started=0
    prepare_dir "$1"
    for server in "${SERVERS[@]}"; do
        status=0
        "$here/$server.sh" start "$1/$server" >/dev/null || status=$?
        case $status in
            0) started=$((started + 1)); say "$server is up" ;;
            77) [ "${HELOISE_TEST_SERVERS_REQUIRED:-0}" != 1 ] || die "$server is required and cannot run" ;;
            *) die "$server failed" ;;
        esac
    done
    [ "$started" -gt 0 ] || skip "no server at all"
}

stop() {
    local server
    for server in "${SERVERS[@]}"; do
        [ ! -d "$1/$server" ] || "$here/$server.sh" stop "$1/$server"
    done
}

[ $# = 2 ] || usage
case $1 in
    start | stop) "$1" "$2" ;;
    *) usage ;;
esac
