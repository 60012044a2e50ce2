#!/usr/bin/env bash
# Pins what the .in files here ask for, with all that it needs and the hashes of all its files, in the .txt files. Run it
# after a change of an .in file; with --upgrade it also takes newer versions of what they only need.
#
#     tools/harness/requirements/refresh.sh [--upgrade]
#
# Needs uv (`pip install uv`), which alone resolves for every platform and Python at once.
set -euo pipefail
cd "$(dirname "$0")"

for asked in *.in; do
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: --no-emit-build-options \
        --custom-compile-command tools/harness/requirements/refresh.sh --output-file "${asked%.in}.txt" "$@" "$asked"
done
