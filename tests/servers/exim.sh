#!/usr/bin/env bash
# Exim 4 out of Debian's exim4-daemon-light, unpacked rather than installed: start DIR | stop DIR
#
# It runs in a small root directory of its own, because it insists on its user and its paths. Ports written to
# DIR/env, all on 127.0.0.1:
#   SMTP        as port 25: STARTTLS offered, no AUTH, relays for nobody
#   SUBMISSION  as port 587: AUTH PLAIN, LOGIN and CRAM-MD5 after STARTTLS, needed before MAIL
#   SMTPS       as port 465: TLS from the first byte, AUTH needed
# Recipients at example.test: alice and bob take mail (a maildir each), the rest do not exist. Relayed mail is
# thrown away. Its mistakes are answered as Exim answers them, most without enhanced status codes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/servers/certs.sh
. "$here/certs.sh"

# Arguments: the ports SMTP SUBMISSION SMTPS. Paths are as seen from inside DIR/tree.
write_configuration() {
    cat >"$DIR/tree/etc/exim4/exim4.conf" <<CONFIG
primary_hostname = mail.$DOMAIN
domainlist local_domains = $DOMAIN
local_interfaces = <; 127.0.0.1.$1 ; 127.0.0.1.$2 ; 127.0.0.1.$3
daemon_smtp_ports = $1
keep_environment =
tls_on_connect_ports = $3
pid_file_path = /exim.pid
spool_directory = /spool
log_file_path = /log/%slog
host_lookup =
rfc1413_query_timeout = 0s
dns_ipv4_lookup = *
smtp_accept_max = 200
smtp_accept_max_per_host = 0
smtp_accept_queue_per_connection = 0
message_size_limit = 512M
tls_advertise_hosts = *
tls_certificate = /certs/server.pem
tls_privatekey = /certs/server.key
tls_require_ciphers = NORMAL:-VERS-TLS1.0:-VERS-TLS1.1
auth_advertise_hosts = \${if and{ {def:tls_in_cipher} {!={\$received_port}{$1}} } {*} }
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept

begin acl
check_mail:
  deny message = authentication required
       condition = \${if !={\$received_port}{$1}}
       !authenticated = *
  accept
check_rcpt:
  accept authenticated = *
  require message = relay not permitted
          domains = +local_domains
  require verify = recipient
  accept

begin routers
mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = alice : bob
  transport = maildir
  cannot_route_message = Unknown user
unknown:
  driver = redirect
  domains = +local_domains
  allow_fail
  data = :fail: Unknown user
elsewhere:
  driver = redirect
  data = :blackhole:

begin transports
maildir:
  driver = appendfile
  directory = /mail/\$local_part_data
  maildir_format
  user = nobody
  group = nogroup
  return_path_add
  envelope_to_add
  delivery_date_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{ {eq{\$auth2}{$TEST_USER}} {eq{\$auth3}{$TEST_PASSWORD}} } }
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{ {eq{\$auth1}{$TEST_USER}} {eq{\$auth2}{$TEST_PASSWORD}} } }
  server_set_id = \$auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${if eq{\$auth1}{$TEST_USER} {$TEST_PASSWORD} fail}
  server_set_id = \$auth1
CONFIG
}

build_root() {
    [ -x "$DIR/tree/usr/sbin/exim4" ] && return
    unpack exim4-daemon-light
    small_root Debian-exim
    add_program /usr/sbin/exim4
    mkdir -p "$DIR/tree"/{certs,spool,log,mail,etc/exim4}
    make_certificates "$DIR/certs"
    cp "$DIR/certs/server."* "$DIR/tree/certs/"
    chown -R 901:901 "$DIR/tree"/{certs,spool,log}
    chown 65534:65534 "$DIR/tree/mail"
}

tell() {
    printf '%s=%s\n' SMTP_PORT "$1" SUBMISSION_PORT "$2" SMTPS_PORT "$3" HOST 127.0.0.1 DOMAIN "$DOMAIN" \
        USER "$TEST_USER" PASSWORD "$TEST_PASSWORD" CA_FILE "$DIR/certs/ca.pem" CERTS "$DIR/certs" \
        LOG "$DIR/tree/log/mainlog" MAILBOX "$DIR/tree/mail/alice/new" \
        MAILBOX_BOB "$DIR/tree/mail/bob/new" | write_env
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
        if chroot "$DIR/tree" /usr/sbin/exim4 -bd >"$DIR/start.log" 2>&1 </dev/null && wait_for_ports "${ports[@]}"; then
            tell "${ports[@]}"
            return
        fi
        stop_daemon
    done
    die "Exim did not start: $(tail -n 5 "$DIR/start.log" "$DIR/tree/log/"* 2>/dev/null)"
}

stop_daemon() { stop_pid_file "$DIR/tree/exim.pid"; }

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
