#!/usr/bin/env bash
# OpenSMTPD out of Debian's package, unpacked rather than installed: start DIR | stop DIR
#
# It runs in a small root directory of its own, because its users, socket and queue are at fixed places. Ports
# written to DIR/env, all on 127.0.0.1:
#   SMTP        as port 25: STARTTLS offered, no AUTH, relays for nobody
#   SUBMISSION  as port 587: STARTTLS and AUTH (PLAIN, LOGIN) required
#   SMTPS       as port 465: TLS from the first byte, AUTH required
# Recipients at example.test: alice and bob take mail (a maildir each), the rest do not exist. Unlike the other
# servers, this one refuses to relay for members too: it cannot throw mail away without a way out.
# HANDSHAKE in DIR/env says whether its TLS works (yes or no). OpenSMTPD 6.8 with OpenSSL 3, as in Debian 12, offers
# STARTTLS and then fails each handshake with the alert internal_error: a server with STARTTLS at fault, for free.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/servers/certs.sh
. "$here/certs.sh"

# Arguments: the ports SMTP SUBMISSION SMTPS. Paths are as seen from inside DIR/tree.
write_configuration() {
    cat >"$DIR/tree/etc/smtpd.conf" <<CONFIG
pki test cert "/certs/server.pem"
pki test key "/certs/server.key"
table credentials file:/etc/credentials
table users file:/etc/mailusers
listen on 127.0.0.1 port $1 tls pki test hostname mail.$DOMAIN
listen on 127.0.0.1 port $2 tls-require pki test auth <credentials> hostname mail.$DOMAIN
listen on 127.0.0.1 port $3 smtps pki test auth <credentials> hostname mail.$DOMAIN
action "deliver" maildir "/mail/%{rcpt.user}" userbase <users>
match from any for domain "$DOMAIN" action "deliver"
CONFIG
    printf '%s\t%s\n' "$TEST_USER" "$(printf %s "$TEST_PASSWORD" | openssl passwd -6 -stdin)" \
        >"$DIR/tree/etc/credentials"
    printf '%s:65534:65534:/mail\n' alice bob >"$DIR/tree/etc/mailusers"
    chmod 640 "$DIR/tree/etc/credentials" && chgrp 901 "$DIR/tree/etc/credentials"
}

build_root() {
    [ -x "$DIR/tree/usr/sbin/smtpd" ] && return
    unpack opensmtpd
    small_root opensmtpd opensmtpq
    add_program /bin/sh /usr/sbin/smtpd /usr/sbin/smtpctl /usr/libexec/opensmtpd/mail.maildir
    mkdir -p "$DIR/tree"/{certs,mail,var/spool/smtpd,var/lib/opensmtpd/empty,var/empty}
    chmod 711 "$DIR/tree/var/spool/smtpd"
    make_certificates "$DIR/certs"
    install -m 600 "$DIR/certs/server."* "$DIR/tree/certs/"
    chown 65534:65534 "$DIR/tree/mail"
}

handshake() {
    echo QUIT | openssl s_client -starttls smtp -connect "127.0.0.1:$1" -CAfile "$DIR/certs/ca.pem" \
        -verify_return_error >"$DIR/handshake.log" 2>&1 && echo yes || echo no
}

tell() {
    printf '%s=%s\n' SMTP_PORT "$1" SUBMISSION_PORT "$2" SMTPS_PORT "$3" HOST 127.0.0.1 DOMAIN "$DOMAIN" \
        USER "$TEST_USER" PASSWORD "$TEST_PASSWORD" CA_FILE "$DIR/certs/ca.pem" CERTS "$DIR/certs" \
        HANDSHAKE "$(handshake "$1")" LOG "$DIR/smtpd.log" MAILBOX "$DIR/tree/mail/alice/new" MAILBOX_BOB "$DIR/tree/mail/bob/new" |
        write_env
}

start() {
    need_root
    need_command python3 python3
    prepare_dir "$1"
    if running_already; then cat "$DIR/env"; return; fi
    build_root
    local ports
    for _ in 1 2 3; do # a port that was free may be taken by the time it is used
        read -ra ports <<<"$(free_ports 3)"
        write_configuration "${ports[@]}"
        chroot "$DIR/tree" /usr/sbin/smtpd -d >"$DIR/smtpd.log" 2>&1 </dev/null &
        echo $! >"$DIR/smtpd.pid"
        if wait_for_ports "${ports[@]}"; then
            tell "${ports[@]}"
            return
        fi
        stop_daemon
    done
    die "OpenSMTPD did not start: $(tail -n 5 "$DIR/smtpd.log")"
}

stop_daemon() { stop_pid_file "$DIR/smtpd.pid"; }

stop() {
    prepare_dir "$1"
    stop_daemon
    rm -f "$DIR/env"
}

[ $# = 2 ] || usage
case $1 in
    start | stop) "$1" "$2" ;;
    *) usage ;;
esac
