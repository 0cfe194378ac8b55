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

# The commands that are compared. Each sends the same message to the same server.
ours="$HELOISE --explain none 127.0.0.1:$port -c 'EHLO client.example.test' -c 'MAIL FROM:<a@example.test>'"
ours="$ours -c 'RCPT TO:<b@example.test>'"
small="$ours -c '/send $work/small.eml' -c QUIT"
large="$ours -c '/send $work/large.eml' -c QUIT"
curl="curl -s smtp://127.0.0.1:$port/client.example.test --mail-from a@example.test --mail-rcpt b@example.test -T"
swaks="swaks --silent 3 --server 127.0.0.1:$port --ehlo client.example.test --from a@example.test --to b@example.test"

# Without a shell in between; each run that records starts with no file.
recording=(-N --prepare "rm -f $work/session.heloise")
record="--record $work/session.heloise"

# compare TITLE HYPERFINE-ARGUMENT...
compare() {
    printf '\n### %s\n\n' "$1"
    shift
    hyperfine --style none --export-markdown "$work/table.md" "$@" >"$work/hyperfine.log" 2>&1 ||
        { cat "$work/hyperfine.log"; exit 1; }
    cat "$work/table.md"
}

# in_turns ROUNDS NAME COMMAND [NAME COMMAND]...: each once a round, so that what else the machine does meets all alike.
# Medians of wall time and CPU time, and the largest resident set.
in_turns() {
    local rounds=$1 round i
    shift
    rm -f "$work"/turns.*
    for ((round = 0; round < rounds; round++)); do
        for ((i = 1; i < $#; i += 2)); do
            rm -f "$work/session.heloise"
            /usr/bin/time -a -f '%e %U %S %M' -o "$work/turns.$i" sh -c "exec ${*:i+1:1}" >/dev/null
        done
    done
    printf '| Command | Median [s] | CPU [s] | Peak RSS [MiB] |\n|:---|---:|---:|---:|\n'
    for ((i = 1; i < $#; i += 2)); do
        sort -n "$work/turns.$i" | awk -v name="${!i}" '
            { wall[NR] = $1; cpu[NR] = $2 + $3; if ($4 > peak) peak = $4 }
            END { m = int((NR + 1) / 2); printf "| `%s` | %.2f | %.2f | %.1f |\n", name, wall[m], cpu[m], peak / 1024 }'
    done
}

compare "Start-up" -N --warmup 20 --runs 200 \
    -n 'heloise --version' "$HELOISE --version" -n 'curl --version' 'curl --version'

printf '\n### Start to first prompt\n\n| Command | Mean [ms] | Min [ms] | Max [ms] |\n|:---|---:|---:|---:|\n'
TERM=xterm-256color python3 benches/prompt.py "$HELOISE" "127.0.0.1:$port"

compare "A whole session with 1 KiB of content" "${recording[@]}" --warmup 10 --runs 100 \
    -n heloise "$small" -n 'heloise, recording' "$small $record" \
    -n curl "$curl $work/small.eml" -n swaks "$swaks --data @$work/small.eml"

printf '\n### %s MiB of content\n\n' "${MEBIBYTES:-256}"
in_turns 9 heloise "$large" 'heloise, recording' "$large $record" curl "$curl $work/large.eml"

# median FILE FIELDS...: of the sum of these fields of its lines.
median() {
    awk -v fields="${*:2}" 'BEGIN { n = split(fields, f, " ") } { s = 0; for (i = 1; i <= n; i++) s += $f[i]; print s }' "$1" |
        sort -n | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'
}

# The same runs, for what the recorder alone costs: user and system time, which other work on the machine disturbs least.
# That is the hash over content, which is only taken for somebody who keeps it.
awk -v plain="$(median "$work/turns.1" 2 3)" -v recording="$(median "$work/turns.3" 2 3)" 'BEGIN {
    printf "\nThe recorder: %.2f s of CPU time without it, %.2f s with it: %+.1f %%\n", plain, recording, (recording / plain - 1) * 100 }'
