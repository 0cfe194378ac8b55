#!/usr/bin/env bash
# What is done with transcripts, measured: a transcript of a million entries beside `wc -l` and a plain copy, and
# `heloise serve` beside Postfix's smtp-sink with smtp-source as the load, in the same run.
#
# Needs root and the Debian packages time and postfix. HELOISE names the binary to measure; without it the release
# build is made and taken. ENTRIES and SESSIONS are how many.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in smtp-sink smtp-source /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
if [ -z "${HELOISE:-}" ]; then
    cargo build --release --locked
    HELOISE=${CARGO_TARGET_DIR:-target}/release/heloise
fi
HELOISE=$(realpath "$HELOISE")

work=$(mktemp -d) && chmod a+x "$work"
mock=
trap '[ -z "$mock" ] || kill "$mock"; tests/servers/sink.sh stop "$work/sink"; rm -rf "$work"' EXIT

# One message after the other: six commands with their replies, one refused, and ten lines of content.
awk -v entries="${ENTRIES:-1000000}" '
    function put(arrow, text) { printf "%.6f %s %s\n", (n++) * 0.001, arrow, text }
    BEGIN {
        print "%heloise 1\n%target smtp://mx.example.org:25\n%started 2026-11-23T19:02:11.412519+01:00\n"
        put("<- ", "220 mx.example.org ESMTP"); put(" ->", "HELO laptop.example.net"); put("<- ", "250 mx.example.org")
        for (i = 1; n < entries; i++) {
            put(" ->", "MAIL FROM:<alice" i "@example.net>"); put("<- ", "250 2.1.0 Ok")
            put(" ->", "RCPT TO:<bob" i "@example.org>"); put("<- ", "250 2.1.5 Ok")
            put(" ->", "RCPT TO:<eve" i "@example.com>")
            put("<**", "554 5.7.1 <eve" i "@example.com>: Relay access denied")
            put(" ->", "DATA"); put("<- ", "354 End data with <CR><LF>.<CR><LF>")
            for (line = 0; line < 10; line++) put(" ->", "line " line " of message " i)
            put(" ->", "."); put("<- ", "250 2.0.0 Ok: queued as 4XyZ" i)
        }
    }' >"$work/million.heloise"

# timed NAME COMMAND...: a row of the table: the least time of seven runs, and what /usr/bin/time says of one more.
timed() {
    local name=$1 least= begun took
    shift
    for _ in 1 2 3 4 5 6 7; do
        begun=$(date +%s%N)
        "$@" >/dev/null
        took=$((($(date +%s%N) - begun) / 1000000))
        [ -n "$least" ] && [ "$least" -le "$took" ] || least=$took
    done
    /usr/bin/time -f "| $name | $least ms | %U s | %S s | %M KiB |" "$@" 2>&1 >/dev/null | tail -n 1
}
echo "| $(wc -l <"$work/million.heloise") lines | time | of it computing | and in the kernel | most memory |"
echo "|---|---|---|---|---|"
timed "\`wc -l\`" wc -l "$work/million.heloise"
timed "\`cp\`" cp --remove-destination "$work/million.heloise" "$work/copy"
timed "\`export --to json\`" "$HELOISE" export "$work/million.heloise" --to json
timed "\`export --to swaks\`" "$HELOISE" export "$work/million.heloise" --to swaks
timed "\`play --no-timing --explain none\`" "$HELOISE" play --no-timing --explain none "$work/million.heloise"
timed "\`play --no-timing\`" "$HELOISE" play --no-timing "$work/million.heloise"

cat >"$work/load.heloise" <<'TRANSCRIPT'
%heloise 1
<- 220 mock.example.org ESMTP
 -> HELO x
<- 250 mock.example.org
 -> MAIL FROM:<a@example.net>
<- 250 2.1.0 Ok
 -> RCPT TO:<b@example.org>
<- 250 2.1.5 Ok
 -> DATA
<- 354 go
 -> x
 -> .
<- 250 2.0.0 Ok
 -> QUIT
<- 221 2.0.0 Bye
TRANSCRIPT
"$HELOISE" serve "$work/load.heloise" >"$work/port" &
mock=$!
until [ -s "$work/port" ]; do sleep 0.1; done
ours=$(sed 's/.*://' "$work/port")
sink=$(tests/servers/sink.sh start "$work/sink" | sed -n 's/^SINK_PORT=//p')
sessions=${SESSIONS:-10000}

# load PORT: sessions a second.
load() {
    local begun ended
    begun=$(date +%s%N)
    smtp-source -s 20 -m "$sessions" -l 1000 -f a@example.net -t b@example.org "127.0.0.1:$1"
    ended=$(date +%s%N)
    echo $((sessions * 1000000000 / (ended - begun)))
}
echo
echo "| sessions a second | heloise serve | smtp-sink |"
echo "|---|---|---|"
for round in 1 2 3; do echo "| round $round | $(load "$ours") | $(load "$sink") |"; done
