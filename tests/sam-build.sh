#!/usr/bin/env bash
# Builds every function as `sam deploy` takes it, and checks the binaries.
#
#     tests/sam-build.sh [arm64] [x86_64]      both when none is named
#
# Leaves target/sam/<architecture>/ with template.yaml and <Function>/bootstrap. Fails when a binary does not build, is too
# large, holds the tests' failpoints, or needs a newer C library than Amazon Linux 2023 has.
# Needs Rust, Python 3 with venv, and readelf (Debian: binutils); no AWS account and no Docker.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/sam-tools.sh

# Amazon Linux 2023 has glibc 2.34 for its whole life. Source: "AL2023 core toolchain", docs.aws.amazon.com.
GLIBC_MAX=2.34
BINARY_MAX_MIB=8
# A text in every binary with failpoints, which a test can make die at any step: shared/src/failpoint.rs.
FAILPOINT_MARK=proftest-failpoint

# cargo-lambda cross-compiles with Zig, but needs Rust's standard library for the target.
need_target() {
    local target=$1
    [[ -n $(compgen -G "$(rustc --print sysroot)/lib/rustlib/$target/lib/libstd-*") ]] && return
    if ! command -v rustup >/dev/null || ! rustup target add "$target"; then
        echo "Rust's standard library for $target is missing: run \`rustup target add $target\`." >&2
        return 1
    fi
}

# The newest version of the C library that a binary asks for. A name without a number (GLIBC_ABI_DT_RELR) counts as newer
# than any.
glibc_of() {
    local versions
    versions=$(LC_ALL=C readelf --version-info --wide "$1" | grep --only-matching 'GLIBC_[A-Z0-9_.]*' | sort --unique)
    if grep --quiet 'GLIBC_[A-Z]' <<<"$versions"; then
        echo 999
    else
        sed 's/^GLIBC_//' <<<"$versions" | sort --version-sort | tail -1
    fi
}

check_binary() {
    local path=$1 machine=$2 bytes glibc
    if ! LC_ALL=C readelf --file-header "$path" | grep --quiet "Machine:.*$machine"; then
        echo "$path is not built for $machine." >&2
        return 1
    fi
    bytes=$(stat --format=%s "$path")
    glibc=$(glibc_of "$path")
    printf '%-40s %7d.%02d MiB   glibc %s\n' "$path" $((bytes / 1048576)) $((bytes % 1048576 * 100 / 1048576)) "$glibc"
    if ((bytes > BINARY_MAX_MIB * 1048576)); then
        echo "It is larger than $BINARY_MAX_MIB MiB." >&2
        return 1
    fi
    if [[ $(printf '%s\n' "$glibc" "$GLIBC_MAX" | sort --version-sort | tail -1) != "$GLIBC_MAX" ]]; then
        echo "It needs a newer C library than Amazon Linux 2023 has: $GLIBC_MAX." >&2
        return 1
    fi
    if grep --quiet --text --fixed-strings "$FAILPOINT_MARK" "$path"; then
        echo "It was built with the feature failpoints." >&2
        return 1
    fi
}

build() {
    local architecture=$1 target machine folder name
    case $architecture in
        arm64) target=aarch64-unknown-linux-gnu machine=AArch64 ;;
        x86_64) target=x86_64-unknown-linux-gnu machine=X86-64 ;;
        *) echo "Unknown architecture: $architecture" >&2; return 2 ;;
    esac
    need_target "$target"
    sam build --region eu-central-1 --build-dir "$TARGET/sam/$architecture" \
        --parameter-overrides "Architecture=$architecture"
    # template.yaml calls the function of functions/intake IntakeFunction.
    for folder in functions/*; do
        name=$(basename "$folder")
        check_binary "$TARGET/sam/$architecture/${name^}Function/bootstrap" "$machine"
    done
}

main() {
    local architecture
    sam_tools
    for architecture in "$@"; do
        build "$architecture"
    done
}

if (($#)); then main "$@"; else main arm64 x86_64; fi
