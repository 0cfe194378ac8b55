#!/usr/bin/env bash
# Postfix with Cyrus SASL: start DIR | stop DIR
#
# Ports written to DIR/env, all on 127.0.0.1:
#   SMTP        as port 25: STARTTLS offered, no AUTH, relays for nobody
#   SUBMISSION  as port 587: STARTTLS first (530), AUTH needed
#   SMTPS       as port 465: TLS from the first byte, AUTH needed
#   PLAINAUTH   AUTH offered without TLS (a fault)      OPENRELAY   relays for everybody (a fault)
#   EXPIRED, FUTURE, WRONGNAME, NOCHAIN, SELFSIGNED     STARTTLS with a certificate at fault in that way
#   TLS12       nothing newer than TLS 1.2              OLDTLS      TLS 1.0 and 1.1, too
#   CLIENTCERT  STARTTLS demands a client certificate
#   NOTLS       no STARTTLS at all                      TARPIT      waits before its banner
#   GREYLIST    450 for every first attempt, and there is no second
#   ANONYMOUS   as SUBMISSION, and lets in whoever gives no name
#   IDLE        says 421 and hangs up after three seconds of silence
# Recipients at example.test: alice and bob take mail (a maildir each), full answers 452, busy 450, the
# rest do not exist. Mail that the server agrees to relay is thrown away: nothing leaves the machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/servers/certs.sh
. "$here/certs.sh"

SERVICES=(SMTP SUBMISSION SMTPS PLAINAUTH OPENRELAY EXPIRED FUTURE WRONGNAME NOCHAIN SELFSIGNED TLS12 OLDTLS
    CLIENTCERT NOTLS TARPIT GREYLIST ANONYMOUS IDLE)

# What each service does differently from main.cf.
service_options() {
    local sasl='smtpd_sasl_auth_enable=yes' members='permit_sasl_authenticated,reject' chain
    chain="$DIR/certs/${1,,}"
    case $1 in
        SMTP) ;;
        SUBMISSION) echo smtpd_tls_security_level=encrypt $sasl smtpd_relay_restrictions=$members ;;
        SMTPS) echo smtpd_tls_wrappermode=yes $sasl smtpd_relay_restrictions=$members ;;
        PLAINAUTH) echo smtpd_tls_auth_only=no $sasl ;;
        OPENRELAY) echo mynetworks=127.0.0.0/8 smtpd_relay_restrictions=permit_mynetworks,reject ;;
        EXPIRED | FUTURE | WRONGNAME | NOCHAIN | SELFSIGNED)
            echo "smtpd_tls_chain_files=$chain.key,$chain.pem" ;;
        TLS12) echo 'smtpd_tls_protocols=TLSv1.2' ;;
        OLDTLS) echo 'smtpd_tls_protocols=>=TLSv1' ;;
        CLIENTCERT) echo smtpd_tls_security_level=encrypt smtpd_tls_req_ccert=yes ;;
        NOTLS) echo smtpd_tls_security_level=none ;;
        TARPIT) echo smtpd_delay_reject=no 'smtpd_client_restrictions=sleep,3' ;;
        GREYLIST) echo "smtpd_recipient_restrictions=check_recipient_access,\$greylist" ;;
        ANONYMOUS) echo smtpd_tls_security_level=encrypt $sasl smtpd_sasl_security_options= ;;
        IDLE) echo smtpd_timeout=3 ;;
    esac
}

write_main_cf() {
    cat >"$DIR/etc/main.cf" <<MAIN
compatibility_level = 3.6
queue_directory = $DIR/queue
data_directory = $DIR/data
mail_owner = postfix
maillog_file_prefixes = $DIR
maillog_file = $DIR/log/mail.log
myhostname = mail.$DOMAIN
mydomain = $DOMAIN
mydestination =
mynetworks = 192.0.2.25/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
biff = no
disable_dns_lookups = yes
smtpd_peername_lookup = no
# Messages arrive as they were sent, but for the trace fields on top.
local_header_rewrite_clients =
# Relayed mail goes nowhere.
default_transport = discard:silently
relay_transport = discard:silently
virtual_mailbox_domains = $DOMAIN
virtual_mailbox_base = $DIR/mail
virtual_mailbox_maps = inline:{alice@$DOMAIN=alice/ bob@$DOMAIN=bob/ full@$DOMAIN=full/ busy@$DOMAIN=busy/}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 536870912
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{
  {full@$DOMAIN = 452 4.2.2 Mailbox full}
  {busy@$DOMAIN = 450 4.2.1 Mailbox busy, try again later} }
greylist = inline:{ {$DOMAIN = 450 4.7.1 Greylisted, please try again in 5 minutes} }
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_chain_files = $DIR/certs/server.key, $DIR/certs/server.pem
smtpd_tls_CAfile = $DIR/certs/ca.pem
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = $DIR/etc/sasl
smtpd_sasl_local_domain = $DOMAIN
smtpd_sasl_security_options = noanonymous
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
MAIN
}

# Inner services without chroot, then ours. Arguments: the ports, in the order of SERVICES.
write_master_cf() {
    local service option
    {
        cat <<'MASTER'
pickup     unix       n - n 60 1 pickup
cleanup    unix       n - n - 0 cleanup
qmgr       unix       n - n 300 1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n - - trivial-rewrite
bounce     unix       - - n - 0 bounce
defer      unix       - - n - 0 bounce
trace      unix       - - n - 0 bounce
verify     unix       - - n - 1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n - - proxymap
proxywrite unix       - - n - 1 proxymap
showq      unix       n - n - - showq
error      unix       - - n - - error
retry      unix       - - n - - error
discard    unix       - - n - - discard
virtual    unix       - n n - - virtual
anvil      unix       - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
MASTER
        for service in "${SERVICES[@]}"; do
            echo "127.0.0.1:$1 inet n - n - - smtpd"
            shift
            for option in $(service_options "$service"); do echo "  -o $option"; done
        done
    } >"$DIR/etc/master.cf"
}

write_sasl() {
    mkdir -p "$DIR/etc/sasl"
    cat >"$DIR/etc/sasl/smtpd.conf" <<SASL
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $DIR/etc/sasldb2
mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 ANONYMOUS
SASL
    # saslpasswd2 needs the file it is given, and no more of the library's configuration.
    printf '%s' "$TEST_PASSWORD" | saslpasswd2 -p -c -f "$DIR/etc/sasldb2" -u "$DOMAIN" "${TEST_USER%@*}"
    chgrp postfix "$DIR/etc/sasldb2" && chmod 640 "$DIR/etc/sasldb2"
}

write_configuration() {
    mkdir -p "$DIR"/{etc,queue,data,log,mail}
    chown postfix "$DIR/data"
    chown 65534:65534 "$DIR/mail"
    make_certificates "$DIR/certs"
    write_main_cf
    write_master_cf "$@"
    [ -e "$DIR/etc/sasldb2" ] || write_sasl
}

tell() {
    local i=0 service
    {
        for service in "${SERVICES[@]}"; do
            i=$((i + 1))
            echo "${service}_PORT=${!i}"
        done
        printf '%s=%s\n' HOST 127.0.0.1 DOMAIN "$DOMAIN" USER "$TEST_USER" PASSWORD "$TEST_PASSWORD" \
            CA_FILE "$DIR/certs/ca.pem" CERTS "$DIR/certs" LOG "$DIR/log/mail.log" \
            MAILBOX "$DIR/mail/alice/new" MAILBOX_BOB "$DIR/mail/bob/new"
    } | write_env
}

start() {
    need_root
    need_command postfix postfix
    need_command saslpasswd2 sasl2-bin
    need_command python3 python3
    prepare_dir "$1"
    if running_already; then cat "$DIR/env"; return; fi
    local ports
    for _ in 1 2 3; do # a port that was free may be taken by the time it is used
        read -ra ports <<<"$(free_ports ${#SERVICES[@]})"
        write_configuration "${ports[@]}"
        if postfix -c "$DIR/etc" start >"$DIR/start.log" 2>&1 && wait_for_ports "${ports[@]}"; then
            tell "${ports[@]}"
            return
        fi
        stop_master
    done
    die "Postfix did not start: $(tail -n 5 "$DIR/start.log" "$DIR/log/mail.log" 2>/dev/null)"
}

stop_master() { stop_pid_file "$DIR/queue/pid/master.pid"; }

stop() {
    prepare_dir "$1"
    stop_master
    rm -f "$DIR/env"
}

[ $# = 2 ] || usage
case $1 in
    start | stop) "$1" "$2" ;;
    *) usage ;;
esac
