#!/usr/bin/env bash
# Whole runs of heloise beside swaks and curl, against the same smtp-sink on loopback: start-up, a scripted session,
# 256 MiB of content, and the most memory each took. Prints Markdown tables, as in docs/performance.md.
#
# Needs root and the Debian packages hyperfine, time, postfix (for smtp-sink), swaks and curl. HELOISE names the
# binary to measure; without it the release build is made and taken. MEBIBYTES is the size of the large message.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in hyperfine swaks curl smtp-sink python3 /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
if [ -z "${HELOISE:-}" ]; then
    cargo build --release --locked
    HELOISE=${CARGO_TARGET_DIR:-target}/release/heloise
fi
HELOISE=$(realpath "$HELOISE")

work=$(mktemp -d) && chmod a+x "$work"
trap 'tests/servers/sink.sh stop "$work/sink"; rm -rf "$work"' EXIT
port=$(tests/servers/sink.sh start "$work/sink" | sed -n 's/^SINK_PORT=//p')
export HOME=$work XDG_CONFIG_HOME=$work XDG_STATE_HOME=$work

# message BYTES FILE: a header and lines of 72 octets.
message() {
    { printf 'Subject: a measurement\r\n\r\n'; head -n $(($1 / 72)) < <(yes "$(printf '%070d\r' 0)"); } >"$2"
}
message 1024 "$work/small.eml"
message $((${MEBIBYTES:-256} * 1024 * 1024)) "$work/large.eml"

envelope='EHLO client.example.test\nMAIL FROM:<a@example.test>\nRCPT TO:<b@example.test>\n'
{ printf '%bDATA\n' "$envelope"; tr -d '\r' <"$work/small.eml"; printf '.\nQUIT\n'; } >"$work/small.script"
printf '%b/send %s\nQUIT\n' "$envelope" "$work/large.eml" >"$work/large.script"

# The commands that are compared. Each sends the same message to the same server.
ours="$HELOISE --explain none 127.0.0.1:$port"
curl="curl -s smtp://127.0.0.1:$port/client.example.test --mail-from a@example.test --mail-rcpt b@example.test -T"
swaks="swaks --silent 3 --server 127.0.0.1:$port --ehlo client.example.test --from a@example.test --to b@example.test"
record="--record $work/large.heloise"

# compare TITLE HYPERFINE-ARGUMENT...
compare() {
    printf '\n### %s\n\n' "$1"
    shift
    hyperfine --style none --export-markdown "$work/table.md" "$@" >"$work/hyperfine.log" 2>&1 ||
        { cat "$work/hyperfine.log"; exit 1; }
    cat "$work/table.md"
}

# peak NAME COMMAND: the largest resident set of one run, in MiB.
peak() {
    rm -f "$work/large.heloise"
    /usr/bin/time -f %M -o "$work/peak" sh -c "exec $2" >/dev/null
    awk -v name="$1" '{ printf "| %s | %.1f |\n", name, $1 / 1024 }' "$work/peak"
}

compare "Start-up" -N --warmup 20 --runs 200 \
    -n 'heloise --version' "$HELOISE --version" -n 'curl --version' 'curl --version'

printf '\n### Start to first prompt\n\n| Command | Mean [ms] | Min [ms] | Max [ms] |\n|:---|---:|---:|---:|\n'
TERM=xterm-256color python3 benches/prompt.py "$HELOISE" "127.0.0.1:$port"

compare "A whole session with 1 KiB of content" --warmup 5 --runs 50 \
    -n heloise "$ours < $work/small.script" \
    -n 'heloise, recording' --prepare "rm -f $work/small.heloise" \
    "$ours --record $work/small.heloise < $work/small.script" \
    -n curl "$curl $work/small.eml" -n swaks "$swaks --data @$work/small.eml"

compare "${MEBIBYTES:-256} MiB of content" --warmup 1 --runs 5 \
    -n 'heloise, recording' --prepare "rm -f $work/large.heloise" "$ours $record < $work/large.script" \
    -n heloise "$ours < $work/large.script" \
    -n curl "$curl $work/large.eml"

printf '\n### The most memory, %s MiB of content\n\n| Command | Peak RSS [MiB] |\n|:---|---:|\n' "${MEBIBYTES:-256}"
peak 'heloise, recording' "$ours $record < $work/large.script"
peak heloise "$ours < $work/large.script"
peak curl "$curl $work/large.eml"
