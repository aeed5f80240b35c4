#!/usr/bin/env bash
# tests/need.sh PACKAGE...: see that what these Debian packages bring is there, and install what is missing where the
# rights for it are at hand (root, or sudo without a password). Otherwise say what to type.
set -euo pipefail

has() {
    case $1 in
        build-essential) command -v cc >/dev/null ;;
        postgresql) command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
        strace) command -v strace >/dev/null ;;
        nodejs) command -v node >/dev/null ;;
        npm) command -v npm >/dev/null ;;
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        *) echo "tests/need.sh: does not know $1" >&2 && exit 2 ;;
    esac
}

missing=()
for package in "$@"; do
    has "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
        echo "missing: ${missing[*]}. Type: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
if ! command -v apt-get >/dev/null; then
    echo "missing: what Debian's packages ${missing[*]} bring; install it in this system's way" >&2
    exit 1
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq </dev/null >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >&2
for package in "${missing[@]}"; do
    has "$package" || { echo "$package is installed, and what it should bring is not there" >&2; exit 1; }
done
