#!/usr/bin/env bash
# Dovecot's submission and LMTP services: start DIR | stop DIR
#
# Ports written to DIR/env, all on 127.0.0.1:
#   SUBMISSION   STARTTLS, then AUTH with every mechanism Dovecot has; EXTERNAL for clients with a certificate
#   SUBMISSIONS  the same with TLS from the first byte
#   LMTP         delivers to alice's and bob's maildirs, no AUTH
#   RELAY        the smtp-sink behind the submission services (another server's port: RELAY_PORT=...)
# TOKEN in DIR/env is a bearer token for XOAUTH2 and OAUTHBEARER; EXPIRED_TOKEN is one that is too old.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/servers/certs.sh
. "$here/certs.sh"

TOKEN_KEY='a key that only this test server knows'

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# token EXPIRY: a JSON web token for the test user, signed with TOKEN_KEY (RFC 7519, HS256).
token() {
    local signed
    signed=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(
        printf '{"sub":"%s","iss":"test","iat":1,"exp":%s}' "$TEST_USER" "$1" | base64url)
    printf '%s.%s' "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -hmac "$TOKEN_KEY" -binary | base64url)"
}

write_users() {
    local user
    for user in alice bob; do
        printf '%s@%s:{PLAIN}%s:65534:65534::%s/mail/%s\n' $user "$DOMAIN" "$TEST_PASSWORD" "$DIR" $user
    done >"$DIR/etc/users"
    mkdir -p "$DIR/keys/default/HS256"
    printf %s "$TOKEN_KEY" | openssl base64 -A >"$DIR/keys/default/HS256/default"
    cat >"$DIR/etc/oauth2.conf" <<OAUTH2
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$DIR/keys/
username_attribute = sub
OAUTH2
    chgrp -R dovecot "$DIR/etc" "$DIR/keys"
    chmod 640 "$DIR/etc/users" "$DIR/etc/oauth2.conf" "$DIR/keys/default/HS256/default"
}

# Arguments: the ports SUBMISSION SUBMISSIONS LMTP, then the port to relay to.
write_configuration() {
    mkdir -p "$DIR"/{etc,run,state,log,mail}
    chown 65534:65534 "$DIR/mail"
    make_certificates "$DIR/certs"
    write_users
    cat >"$DIR/etc/dovecot.conf" <<CONFIG
base_dir = $DIR/run
state_dir = $DIR/state
log_path = $DIR/log/dovecot.log
protocols = submission lmtp
listen = 127.0.0.1
hostname = mail.$DOMAIN
ssl = yes
ssl_min_protocol = TLSv1.2
ssl_cert = <$DIR/certs/server.pem
ssl_key = <$DIR/certs/server.key
ssl_client_ca_file = $DIR/certs/ca.pem
# A certificate is asked for and not demanded; its common name is the user for EXTERNAL.
ssl_verify_client_cert = yes
ssl_ca = <$DIR/certs/ca.pem
ssl_require_crl = no
auth_ssl_username_from_cert = yes
auth_mechanisms = external plain login cram-md5 digest-md5 anonymous scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_realms = $DOMAIN
auth_failure_delay = 0
auth_anonymous_username = bob@$DOMAIN
mail_location = maildir:$DIR/mail/%n
first_valid_uid = 65534
first_valid_gid = 65534
submission_host = mail.$DOMAIN
submission_relay_host = 127.0.0.1
submission_relay_port = $4
submission_max_mail_size = 512M
submission_logout_format = in=%i out=%o
recipient_delimiter = +
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $DIR/etc/oauth2.conf
}
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 anonymous scram-sha-1 scram-sha-256 lookup
  args = $DIR/etc/users
}
userdb {
  driver = passwd-file
  args = $DIR/etc/users
}
service submission-login {
  inet_listener submission {
    port = $1
  }
  inet_listener submissions {
    port = $2
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $3
  }
}
# No growing pauses after refused logins: the tests refuse many.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
CONFIG
}

start_relay() {
    [ -z "${RELAY_PORT:-}" ] || return 0
    "$here/sink.sh" start "$DIR/sink" >/dev/null
    RELAY_PORT=$(sed -n 's/^SINK_PORT=//p' "$DIR/sink/env")
}

tell() {
    printf '%s=%s\n' SUBMISSION_PORT "$1" SUBMISSIONS_PORT "$2" LMTP_PORT "$3" RELAY_PORT "$RELAY_PORT" \
        HOST 127.0.0.1 DOMAIN "$DOMAIN" USER "$TEST_USER" PASSWORD "$TEST_PASSWORD" \
        TOKEN "$(token 4102444800)" EXPIRED_TOKEN "$(token 946684800)" \
        CA_FILE "$DIR/certs/ca.pem" CERTS "$DIR/certs" LOG "$DIR/log/dovecot.log" \
        MAILBOX "$DIR/mail/alice/new" MAILBOX_BOB "$DIR/mail/bob/new" | write_env
}

start() {
    need_root
    need_command dovecot dovecot-core
    need_command python3 python3
    [ -x /usr/lib/dovecot/submission ] || skip "Debian package dovecot-submissiond is not installed"
    [ -x /usr/lib/dovecot/lmtp ] || skip "Debian package dovecot-lmtpd is not installed"
    prepare_dir "$1"
    # Sockets below it have names of up to 40 characters, and the system takes 108 in all.
    [ ${#DIR} -le 65 ] || skip "$DIR is too long a name for Dovecot's sockets, 65 characters at most"
    if running_already; then cat "$DIR/env"; return; fi
    start_relay
    local ports
    for _ in 1 2 3; do # a port that was free may be taken by the time it is used
        read -ra ports <<<"$(free_ports 3)"
        write_configuration "${ports[@]}" "$RELAY_PORT"
        if dovecot -c "$DIR/etc/dovecot.conf" >"$DIR/start.log" 2>&1 && wait_for_ports "${ports[@]}"; then
            tell "${ports[@]}"
            return
        fi
        stop_master
    done
    die "Dovecot did not start: $(tail -n 5 "$DIR/start.log" "$DIR/log/dovecot.log" 2>/dev/null)"
}

stop_master() { stop_pid_file "$DIR/run/master.pid"; }

stop() {
    prepare_dir "$1"
    stop_master
    [ ! -d "$DIR/sink" ] || "$here/sink.sh" stop "$DIR/sink"
    rm -f "$DIR/env"
}

[ $# = 2 ] || usage
case $1 in
    start | stop) "$1" "$2" ;;
    *) usage ;;
esac
