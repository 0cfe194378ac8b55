# shellcheck shell=bash
# A certification authority made on the fly: root, intermediate, and server certificates, good and bad.
# Sourced by the server scripts. Elliptic keys, because they take no time to make.

# make_certificates DIR: leaves in DIR
#   ca.pem                      the root, which clients are told to trust
#   server.{pem,key}            good, with its intermediate: localhost, mail.example.test, 127.0.0.1, ::1
#   {expired,future,wrongname,nochain,selfsigned,weak}.{pem,key}   each wrong in the one way its name says
#   client.{pem,key}            a client certificate for alice@example.test
make_certificates() {
    local here=$1 good="DNS:localhost,DNS:mail.$DOMAIN,IP:127.0.0.1,IP:::1"
    [ -s "$here/server.pem" ] && return 0
    need_command openssl openssl
    mkdir -p "$here" && authority_config "$here"
    (
        cd "$here" || exit 1
        export SAN=DNS:unused # the configuration asks for it even where it is not used
        : >index.txt
        new_key root && openssl req -x509 -new -key root.key -subj "/CN=Test Root" -days 30 \
            -config ca.cnf -extensions authority -out ca.pem
        new_key inter && sign inter "/CN=Test Intermediate" authority "" "" root
        local name
        for name in server expired future wrongname nochain client; do new_key $name; done
        sign server "/CN=mail.$DOMAIN" leaf "$good"
        sign nochain "/CN=mail.$DOMAIN" leaf "$good"
        sign wrongname "/CN=other.$DOMAIN" leaf "DNS:other.$DOMAIN"
        sign expired "/CN=mail.$DOMAIN" leaf "$good" "-startdate 20200101000000Z -enddate 20200201000000Z"
        sign future "/CN=mail.$DOMAIN" leaf "$good" "-startdate 20450101000000Z -enddate 20450201000000Z"
        openssl genrsa -out weak.key 1024 && sign weak "/CN=mail.$DOMAIN" leaf "$good"
        sign client "/CN=$TEST_USER" leaf "email:$TEST_USER"
        for name in server wrongname expired future weak client; do cat inter.pem >>$name.pem; done
        new_key selfsigned && openssl req -x509 -new -key selfsigned.key -subj "/CN=mail.$DOMAIN" \
            -days 30 -addext "subjectAltName=$good" -out selfsigned.pem
        chmod 600 ./*.key && rm -f ./*.csr
        for name in ca inter server expired future wrongname nochain selfsigned weak client; do
            [ -s $name.pem ] || exit 1
        done
    ) >"$here/openssl.log" 2>&1 || die "openssl could not make the certificates, see $here/openssl.log"
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# sign NAME SUBJECT EXTENSIONS SAN [DATES] [ISSUER]
sign() {
    local dates=${5:--days 30} issuer=${6:-inter} issuer_cert
    issuer_cert=$issuer.pem
    [ "$issuer" = root ] && issuer_cert=ca.pem
    openssl req -new -key "$1.key" -subj "$2" -config ca.cnf -out "$1.csr"
    # shellcheck disable=SC2086 # the dates are two options
    SAN=${4:-DNS:unused} openssl ca -batch -notext -config ca.cnf -extensions "$3" $dates \
        -cert "$issuer_cert" -keyfile "$issuer.key" -in "$1.csr" -out "$1.pem"
}

authority_config() {
    cat >"$1/ca.cnf" <<'CONFIG'
[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
default_days = 30
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = ${ENV::SAN}
CONFIG
}
