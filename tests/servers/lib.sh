# shellcheck shell=bash
# Shared by the scripts that start mail servers for tests. Sourced, never run.
#
# Each server keeps everything it has in one directory: configuration, queue, keys, logs, mail. It listens
# on 127.0.0.1 only, on ports that are free when it starts, and says what a test must know in DIR/env, one
# KEY=VALUE a line. Exit status 77 means "cannot run here" (not root, package missing), as test suites know it.

# Names in example.test are never looked up: no server here does DNS or talks to anything beyond loopback.
export DOMAIN=example.test
export TEST_USER=alice@example.test
export TEST_PASSWORD='correct horse 7!'

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 1; }
skip() { say "cannot run here: $*"; exit 77; }

usage() { die "usage: $(basename "$0") start DIR | stop DIR"; }

need_root() { [ "$(id -u)" = 0 ] || skip "it has to be root, because the server changes to its own users"; }

# need_command NAME PACKAGE
need_command() { command -v "$1" >/dev/null || skip "$1 is not installed (Debian package $2)"; }

# An absolute DIR that the server's own users may walk through, as mktemp -d gives 0700.
prepare_dir() {
    mkdir -p "$1"
    DIR=$(cd "$1" && pwd -P)
    chmod a+x "$DIR"
    local parent=$DIR
    while [ "$parent" != / ]; do
        parent=$(dirname "$parent")
        case $(stat -c %a "$parent") in
            *[1357]) ;;
            *) skip "$parent is closed to other users, so the server's users cannot reach $DIR" ;;
        esac
    done
}

# free_ports COUNT: as many different free ports, on one line.
free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))
PYTHON
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_for_ports PORT...: at most ten seconds for all of them.
wait_for_ports() {
    local port deadline=$((SECONDS + 10))
    for port in "$@"; do
        until listens "$port"; do
            [ "$SECONDS" -lt "$deadline" ] || return 1
            sleep 0.05
        done
    done
}

# is_ours PID: is it alive, and was it started with our directory or by us? Pids are reused; this guards.
is_ours() {
    local pid=$1
    [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$DIR" && return 0
    [ "$(readlink "/proc/$pid/root")" = "$DIR/tree" ] && return 0
    case $(readlink "/proc/$pid/cwd") in "$DIR" | "$DIR"/*) return 0 ;; esac
    return 1
}

# stop_pid_file FILE: ends the process named there and waits until it is gone.
stop_pid_file() {
    local pid deadline=$((SECONDS + 5))
    [ -r "$1" ] || return 0
    pid=$(tr -cd 0-9 <"$1")
    if is_ours "$pid"; then
        kill -TERM "$pid" 2>/dev/null || true
        while is_ours "$pid"; do
            [ "$SECONDS" -lt "$deadline" ] || { kill -KILL "$pid" 2>/dev/null || true; break; }
            sleep 0.05
        done
    fi
    rm -f "$1"
}

# running_already: true when DIR/env is there and the server that wrote it still answers.
running_already() {
    local port
    [ -r "$DIR/env" ] || return 1
    port=$(sed -n 's/^[A-Z0-9_]*PORT=//p' "$DIR/env" | head -n 1)
    [ -n "$port" ] && listens "$port"
}

# write_env: KEY=VALUE lines on stdin become DIR/env, whole or not at all.
write_env() {
    cat >"$DIR/env.new" && mv "$DIR/env.new" "$DIR/env" && cat "$DIR/env"
}

# unpack PACKAGE...: their files below DIR/tree, without installing, so that mail servers that conflict as
# packages can stand side by side. HELOISE_DEBS may name a directory that keeps the downloads.
unpack() {
    local debs=${HELOISE_DEBS:-$DIR/debs} package found
    need_command apt-get apt
    need_command dpkg dpkg
    mkdir -p "$debs" "$DIR/tree"
    for package in "$@"; do
        found=$(find "$debs" -name "${package}_*.deb" | sort | tail -n 1)
        if [ -z "$found" ]; then
            (cd "$debs" && apt-get -qq download "$package" 2>"$DIR/apt.log") ||
                skip "apt-get download $package failed: $(tail -n 1 "$DIR/apt.log")"
            found=$(find "$debs" -name "${package}_*.deb" | sort | tail -n 1)
        fi
        dpkg -x "$found" "$DIR/tree"
    done
}

# add_program FILE...: a program of this machine with the libraries it needs, into DIR/tree; a FILE that is there
# already only gets its libraries.
add_program() {
    local program library missing
    for program in "$@"; do
        [ -e "$DIR/tree$program" ] || install -D "$program" "$DIR/tree$program"
        missing=$(ldd "$DIR/tree$program" | awk '/not found/ { print $1 }' | tr '\n' ' ')
        [ -z "$missing" ] || skip "$program needs the libraries $missing"
        ldd "$DIR/tree$program" | grep -o '/[^ ]*' | while read -r library; do
            [ -e "$DIR/tree$library" ] || install -D "$(readlink -f "$library")" "$DIR/tree$library"
        done
    done
}

# small_root USER...: what every program expects of a root directory, with these users besides nobody. Users
# live in this root only; the machine's own list is left alone.
small_root() {
    local root=$DIR/tree id=901 user
    mkdir -p "$root"/{etc,dev,tmp,run,var/run,proc,home} && chmod 1777 "$root/tmp"
    printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nmail:x:8:\nnogroup:x:65534:\n' >"$root/etc/group"
    for user in "$@"; do
        printf '%s:x:%d:%d::/nonexistent:/bin/sh\n' "$user" $id $id >>"$root/etc/passwd"
        printf '%s:x:%d:\n' "$user" $id >>"$root/etc/group"
        id=$((id + 1))
    done
    printf '127.0.0.1 localhost mail.%s\n' "$DOMAIN" >"$root/etc/hosts"
    printf 'passwd: files\ngroup: files\nhosts: files\n' >"$root/etc/nsswitch.conf"
    install -D /dev/null "$root/etc/resolv.conf"
    make_device null 1 3 && make_device urandom 1 9 && make_device random 1 8
}

make_device() {
    [ -e "$DIR/tree/dev/$1" ] || mknod -m 666 "$DIR/tree/dev/$1" c "$2" "$3" 2>/dev/null ||
        skip "this root may not make devices (mknod), which a small root directory needs"
}
