#!/usr/bin/env bash
# Runs the functions as `sam build` made them, in containers, against the local stack's database, emulator and stand-ins:
# `sam local invoke` with every file of events/, and a lead's journey through `sam local start-api`.
#
#     tests/sam-local.sh
#
# Takes no arguments. Uses the running Docker engine. Without one it starts Debian's (docker.io), as root, and stops it at
# the end; it fails when it can do neither. The image is AWS's when it can be pulled, otherwise a stand-in made of this
# machine's own C library and shell. The stand-in has only the paths of Amazon Linux 2023; tests/sam-build.sh checks what
# differs. Linux only: a container reaches the stack through Docker's bridge.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/sam-tools.sh

ARCHITECTURE=$(uname -m | sed 's/aarch64/arm64/')
AWS_IMAGE=public.ecr.aws/lambda/provided:al2023-$ARCHITECTURE
STAND_IN=proftest-provided:al2023-$ARCHITECTURE
# The address of this machine on Docker's default bridge. proftest takes a database without TLS only from this machine.
BRIDGE=172.17.0.1
# Deleted at the end. Not below target, because a socket's path must be short.
SCRATCH=$(mktemp --directory)
STATE=$(realpath --canonicalize-missing "$TARGET/sam-local")
PIDS=()

cleanup() {
    local at
    for ((at = ${#PIDS[@]} - 1; at >= 0; at--)); do
        kill "${PIDS[at]}" 2>/dev/null || true
        wait "${PIDS[at]}" 2>/dev/null || true
    done
    if [[ -e $SCRATCH/own-engine ]]; then
        ip link delete docker0 2>/dev/null || true
    fi
    rm -rf "$SCRATCH"
}

# Waits for a command to succeed, at most so many seconds.
wait_for() {
    local seconds=$1 what=$2
    shift 2
    for ((; seconds > 0; seconds--)); do
        "$@" >/dev/null 2>&1 && return
        sleep 1
    done
    echo "$what did not come up." >&2
    return 1
}

# An engine for this script alone, stopped at its end. It has no firewall rules and no network but the bridge, so that no
# container can reach a real vendor.
start_engine() {
    if ! command -v dockerd >/dev/null; then
        if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
            return 1
        fi
        echo "Installing docker.io…"
        apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends docker.io || return 1
    fi
    ((EUID == 0)) || return 1
    export DOCKER_HOST=unix://$SCRATCH/docker.sock
    touch "$SCRATCH/own-engine"
    dockerd --host "$DOCKER_HOST" --data-root "$SCRATCH/data" --exec-root "$SCRATCH/exec" \
        --pidfile "$SCRATCH/pid" --bip "$BRIDGE/16" --iptables=false --ip6tables=false --ip-masq=false \
        >"$STATE/dockerd.log" 2>&1 &
    PIDS+=($!)
    wait_for 30 "The Docker engine" docker info
}

need_engine() {
    docker info >/dev/null 2>&1 && return
    echo "No Docker engine answers; starting one…"
    if ! start_engine; then
        echo "NOT RUN: there is no Docker engine, and none could be started (Debian: docker.io, as root). See $STATE/dockerd.log." >&2
        return 1
    fi
}

# An image of a few programs and the libraries that they are linked to.
make_stand_in() {
    local root=$SCRATCH/root program
    mkdir -p "$root"/{bin,etc/ssl/certs,tmp,var/task,var/rapid}
    chmod 1777 "$root/tmp"
    for program in sh mv chmod; do
        cp --dereference "$(command -v "$program")" "$root/bin/$program"
    done
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    ldd "$root"/bin/* "$TARGET/sam/$ARCHITECTURE"/*/bootstrap | grep --only-matching '/[^ ]*\.so[^ ]*' | sort --unique |
        while read -r library; do
            install -D --mode=755 "$(readlink --canonicalize "$library")" "$root$library"
        done
    tar --create --directory "$root" . | docker import \
        --change 'ENV PATH=/bin LAMBDA_TASK_ROOT=/var/task' --change 'WORKDIR /var/task' - "$STAND_IN" >/dev/null
}

choose_image() {
    if docker image inspect "$AWS_IMAGE" >/dev/null 2>&1 || timeout 120 docker pull --quiet "$AWS_IMAGE" 2>/dev/null; then
        IMAGE=$AWS_IMAGE
    else
        IMAGE=$STAND_IN
        make_stand_in
    fi
    echo "Image: $IMAGE"
}

start_stack() {
    rm -rf "$STATE/stack"
    cargo build --locked --quiet --package local
    "$TARGET/debug/local" --port 0 --console-port 0 --delay 0s --state-dir "$STATE/stack" >"$STATE/stack.log" 2>&1 &
    PIDS+=($!)
    if ! wait_for 300 "The local stack" test -e "$STATE/stack/stack.json"; then
        tail "$STATE/stack.log" >&2
        return 1
    fi
}

main() {
    trap cleanup EXIT
    mkdir -p "$STATE"
    sam_tools
    need_engine
    true
    choose_image
    start_stack
    "$SAM_TOOLS/bin/python" tests/sam-local.py "$STATE/stack/stack.json" "$TARGET/sam/$ARCHITECTURE/template.yaml" \
        "$IMAGE" "$BRIDGE"
}

main
