# The SAM CLI and cargo-lambda. Sourced by .ci/run and the scripts here, from the root of the checkout.

TARGET=${CARGO_TARGET_DIR:-target}
SAM_TOOLS=$TARGET/tools/sam
SAM_PACKAGES=tools/harness/requirements/sam.txt
export SAM_CLI_TELEMETRY=0

# Installs them under target/tools/sam unless these packages are installed, and puts them on the PATH.
sam_tools() {
    if ! cmp -s "$SAM_PACKAGES" "$SAM_TOOLS/packages.txt"; then
        rm -rf "$SAM_TOOLS"
        python3 -m venv "$SAM_TOOLS"
        # Only what the file lists, and no source package: building one would run code that no hash covers.
        "$SAM_TOOLS/bin/pip" install --quiet --disable-pip-version-check \
            --require-hashes --no-deps --only-binary :all: --requirement "$SAM_PACKAGES"
        cp "$SAM_PACKAGES" "$SAM_TOOLS/packages.txt"
    fi
    PATH=$(cd "$SAM_TOOLS/bin" && pwd):$PATH
}
