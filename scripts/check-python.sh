#!/usr/bin/env bash
# Format, lint, types and tests of the Python part. Needs .venvs/dev, .venvs/llamacpp and .venvs/piper.
# Usage: scripts/check-python.sh [PYTEST OPTION ...]
set -euo pipefail
cd "$(dirname "$0")/.."

bin=.venvs/dev/bin
"$bin/ruff" format --check gpu-services test/gpu_services
"$bin/ruff" check gpu-services test/gpu_services
"$bin/mypy" gpu-services/core test/gpu_services
for server in gpu-services/*/server.py; do # a service's files import each other as top-level modules
  folder=$(dirname "$server")
  MYPYPATH="gpu-services:$folder" "$bin/mypy" "$folder"/*.py
done
"$bin/pytest" "$@"
