#!/usr/bin/env bash
# Format, lint, types and tests of the Python part. Needs .venvs/dev, .venvs/llamacpp and .venvs/piper.
# Usage: scripts/check-python.sh [PYTEST OPTION ...]
set -euo pipefail
cd "$(dirname "$0")/.."

bin=.venvs/dev/bin
all_python=(gpu-services test/gpu_services test/stand-ins test/contract/services)
"$bin/ruff" format --check "${all_python[@]}"
"$bin/ruff" check "${all_python[@]}"
"$bin/mypy" gpu-services/core
"$bin/mypy" gpu-services/downloads
services=gpu-services
for server in gpu-services/*/server.py; do # a service's files import each other as top-level modules
  folder=$(dirname "$server")
  services+=:$folder
  MYPYPATH="gpu-services:$folder" "$bin/mypy" "$folder"/*.py
done
MYPYPATH="$services:test/gpu_services" "$bin/mypy" test/gpu_services/*.py
for folder in test/gpu_services/services test/contract/services test/stand-ins; do
  MYPYPATH="gpu-services:$folder" "$bin/mypy" "$folder"/*.py
done
"$bin/pytest" -n 2 --dist loadfile --no-loadscope-reorder "$@" # two at a time: most of them wait for processes
