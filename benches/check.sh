#!/usr/bin/env bash
# heloise check: one healthy server on loopback, then TARGETS (1000) of them JOBS (100) at a time with LATENCY (50) ms
# before each reply, with the most memory it took. Then ROUNDS (5) checks of a Postfix on loopback beside sslyze and
# testssl.sh, in turn, where these are installed (pip install sslyze; apt install postfix testssl.sh): the versions of
# TLS and the certificate behind STARTTLS, which is what all three look at. sslyze and testssl.sh cannot ask for less
# than is asked here: sslyze tries every cipher suite of each version, heloise every other stage of a mail.
#
# Needs python3, openssl and the Debian package time. HELOISE names the binary; without it the release build is taken.
# SSLYZE names sslyze, if it is not in the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in python3 openssl /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
if [ -z "${HELOISE:-}" ]; then
    cargo build --release --locked
    HELOISE=${CARGO_TARGET_DIR:-target}/release/heloise
fi
HELOISE=$(realpath "$HELOISE")
targets=${TARGETS:-1000} jobs=${JOBS:-100} latency=${LATENCY:-50} rounds=${ROUNDS:-5} sslyze=${SSLYZE:-sslyze}

work=$(mktemp -d)
servers=()
end() {
    [ ! -d "$work/postfix" ] || tests/servers/postfix.sh stop "$work/postfix" || true
    kill "${servers[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null

# serve LATENCY: a mail server on loopback that waits before each reply; its port goes to standard output.
serve() {
    python3 benches/latency.py "$1" "$work/cert.pem" "$work/key.pem" >"$work/port.$1" &
    servers+=($!)
    until [ -s "$work/port.$1" ]; do sleep 0.05; done
}

# measure TITLE COMMAND...: wall time, CPU time and the largest resident set.
measure() {
    local title=$1
    shift
    /usr/bin/time -q -f '%e %U %S %M' -o "$work/time" "$@" >"$work/out" 2>"$work/err" || true
    read -r wall user system memory <"$work/time"
    printf '| %s | %s s | %s s | %s MiB |\n' "$title" "$wall" \
        "$(python3 -c "print(round($user + $system, 2))")" "$((memory / 1024))"
}

serve 0
serve "$latency"
near=127.0.0.1:$(cat "$work/port.0") far=127.0.0.1:$(cat "$work/port.$latency")
for ((i = 0; i < targets; i++)); do echo "$far"; done >"$work/list"
printf '| run | wall | CPU | memory |\n|---|---|---|---|\n'
measure "one server" "$HELOISE" check "$near" --ca "$work/cert.pem"
measure "one server, $latency ms" "$HELOISE" check "$far" --ca "$work/cert.pem"
for count in $((targets / 4)) "$targets"; do
    head -n "$count" "$work/list" >"$work/some"
    measure "$count servers, $latency ms, -j $jobs" "$HELOISE" check --targets "$work/some" -j "$jobs" --ca "$work/cert.pem"
    done=$(grep -c 'nothing wrong' "$work/out" || true)
    [ "$done" = "$count" ] || { echo "only $done of $count were found healthy"; tail -n 5 "$work/out" "$work/err"; exit 1; }
done

# Beside the peers. Root starts Postfix; its stage is left out where it cannot run.
chmod 711 "$work"
tests/servers/postfix.sh start "$work/postfix" >/dev/null || exit 0
port=$(sed -n 's/^SMTP_PORT=//p' "$work/postfix/env") ca=$(sed -n 's/^CA_FILE=//p' "$work/postfix/env")
postfix=127.0.0.1:$port
printf '\n| run, one Postfix | wall | CPU | memory |\n|---|---|---|---|\n'
for ((round = 1; round <= rounds; round++)); do
    measure "heloise check" "$HELOISE" check "$postfix" --ca "$ca"
    if command -v "$sslyze" >/dev/null; then
        measure "sslyze --starttls smtp" "$sslyze" --starttls smtp --certinfo --certinfo_ca_file "$ca" \
            --tlsv1 --tlsv1_1 --tlsv1_2 --tlsv1_3 "$postfix"
    fi
    if command -v testssl >/dev/null; then
        measure "testssl -t smtp -p -S" testssl --quiet --color 0 --ip one -t smtp -p -S --add-ca "$ca" "$postfix"
    fi
done
