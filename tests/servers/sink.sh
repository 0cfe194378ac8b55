#!/usr/bin/env bash
# smtp-sink, Postfix's server that takes everything and throws it away: start DIR | stop DIR
#
# Ports written to DIR/env: SINK (SMTP) and LMTP_SINK (the same in LMTP). It is fast, which makes it the
# other end for measurements. SINK_OPTIONS adds options of smtp-sink, such as -p (no pipelining offered).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"

# run_sink NAME PORT OPTION...
run_sink() {
    local name=$1 port=$2
    shift 2
    # shellcheck disable=SC2086 # SINK_OPTIONS is a list
    (cd "$DIR" && exec smtp-sink -u nobody -h "mail.$DOMAIN" ${SINK_OPTIONS:-} "$@" "127.0.0.1:$port" 256) \
        >"$DIR/$name.log" 2>&1 </dev/null &
    echo $! >"$DIR/$name.pid"
}

start() {
    need_root
    need_command smtp-sink postfix
    need_command python3 python3
    prepare_dir "$1"
    if running_already; then cat "$DIR/env"; return; fi
    local ports
    for _ in 1 2 3; do # a port that was free may be taken by the time it is used
        read -ra ports <<<"$(free_ports 2)"
        run_sink smtp "${ports[0]}"
        run_sink lmtp "${ports[1]}" -L
        if wait_for_ports "${ports[@]}"; then
            printf 'SINK_PORT=%s\nLMTP_SINK_PORT=%s\nHOST=127.0.0.1\n' "${ports[@]}" | write_env
            return
        fi
        stop_sinks
    done
    die "smtp-sink did not start: $(cat "$DIR"/*.log)"
}

stop_sinks() {
    stop_pid_file "$DIR/smtp.pid"
    stop_pid_file "$DIR/lmtp.pid"
}

stop() {
    prepare_dir "$1"
    stop_sinks
    rm -f "$DIR/env"
}

[ $# = 2 ] || usage
case $1 in
    start | stop) "$1" "$2" ;;
    *) usage ;;
esac
