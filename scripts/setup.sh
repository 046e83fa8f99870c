#!/bin/sh
# Make .venv with what LOCK (run, dev, bench) pins, and Scoreline in it. Does nothing when it is there already.
#   sh scripts/setup.sh run|dev|bench
set -eu
cd "$(dirname "$0")/.."
lock=${1:-run}
mark=.venv/.ready-$lock
inputs="pyproject.toml requirements/$lock.txt requirements/build.txt requirements/uv.txt src/scoreline/scoring/_kernel.c src/scoreline/scoring/_exits.h scripts/setup.sh"

if [ -f "$mark" ] && [ -z "$(find $inputs -newer "$mark" 2>/dev/null)" ]; then
    exec sh scripts/assets.sh
fi

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Scoreline needs Python 3.11 or newer; set PYTHON to one."
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo -n "$@"; else return 1; fi
}

# Debian and Ubuntu ship Python without ensurepip.
make_venv() {
    python=$(find_python)
    "$python" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "installing python$version-venv (python3 -m venv needs it)"
    if as_root apt-get update -qq && as_root apt-get install -y -qq "python$version-venv" >/dev/null; then
        "$python" -m venv .venv
    else
        say "python3 -m venv does not work here. Install it with: sudo apt-get install python$version-venv"
        exit 1
    fi
}

[ -x .venv/bin/python ] || make_venv
if ! [ -x .venv/bin/uv ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
fi
say "installing what requirements/$lock.txt pins"
uv() { .venv/bin/uv "$@" --quiet --python .venv/bin/python; }
uv pip install --require-hashes -r requirements/build.txt
uv pip install --require-hashes -r "requirements/$lock.txt"
# The kernel is optional: without a compiler its pure-Python twin does the same, slower.
uv pip install --no-deps --no-build-isolation --editable .
if ! .venv/bin/python -c 'import scoreline.scoring._kernel' 2>/dev/null; then
    say "note: no C compiler or no Python headers here; models are scored by the pure-Python twin (same answers)"
fi
# Compiled once for all: a control plane then starts in a third of the time, also where PYTHONDONTWRITEBYTECODE is set
# (as in many containers), and nobody waits for it at the first command. Some packages hold files of other Pythons.
.venv/bin/python -m compileall -q -j 0 -x '/(tests?|pip|setuptools|mypyc)/' .venv/lib/python3*/site-packages src >/dev/null 2>&1 || :
touch "$mark"
exec sh scripts/assets.sh
