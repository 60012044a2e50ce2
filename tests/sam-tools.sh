# The SAM CLI and cargo-lambda. Sourced by .ci/run and the scripts here, from the root of the checkout.

TARGET=${CARGO_TARGET_DIR:-target}
SAM_TOOLS=$TARGET/tools/sam
# In one environment, because cargo-lambda looks there for the Zig that it depends on.
SAM_PACKAGES=(aws-sam-cli==1.170.0 cargo-lambda==1.9.2)
export SAM_CLI_TELEMETRY=0

# Installs them under target/tools/sam unless these versions are installed, and puts them on the PATH.
sam_tools() {
    if [[ $(cat "$SAM_TOOLS/packages.txt" 2>/dev/null) != "${SAM_PACKAGES[*]}" ]]; then
        rm -rf "$SAM_TOOLS"
        python3 -m venv "$SAM_TOOLS"
        "$SAM_TOOLS/bin/pip" install --quiet --disable-pip-version-check "${SAM_PACKAGES[@]}"
        echo "${SAM_PACKAGES[*]}" >"$SAM_TOOLS/packages.txt"
    fi
    PATH=$(cd "$SAM_TOOLS/bin" && pwd):$PATH
}
