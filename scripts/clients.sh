#!/bin/sh
# For tests: a browser for those of the web pages; for those of sample code curl, R with httr, and a Java that runs
# a source file; all from Debian's packages. Does nothing where they are there already; where they cannot be
# installed, the tests that need them are skipped and say so.
set -eu

have() {
    case $1 in
    r-cran-httr) command -v Rscript >/dev/null 2>&1 && Rscript -e 'library(httr); library(jsonlite)' >/dev/null 2>&1 ;;
    chromium-headless-shell)
        command -v "$1" >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 ||
            command -v google-chrome >/dev/null 2>&1
        ;;
    default-jdk-headless) command -v javac >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
for package in curl r-cran-httr default-jdk-headless chromium-headless-shell; do
    have "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo -n "$@"; else return 1; fi
}

install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1
}

printf 'installing%s for the tests\n' "$missing" >&2
left=$missing
if command -v apt-get >/dev/null 2>&1 && as_root apt-get update -qq >/dev/null 2>&1; then
    left=
    for package in $missing; do
        # Where Chromium comes without its smaller sibling, it does as well, slower.
        install "$package" || { [ "$package" = chromium-headless-shell ] && install chromium; } ||
            left="$left $package"
    done
fi
[ -z "$left" ] || printf 'note: not installed:%s; the tests that need them are skipped\n' "$left" >&2
