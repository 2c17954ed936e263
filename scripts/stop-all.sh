#!/usr/bin/env bash
# Stops Roundhouse: running jobs may finish for a while, waiting ones are kept, and no process stays behind.
# Usage: scripts/stop-all.sh      ROUNDHOUSE_DATA names the instance, as for start-all.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

drain_limit_s=60 # the server gives running jobs 25 s, then ends its model servers one after the other
told_s=0

main() {
  local pid='' left
  read_instance
  if [[ -d $data && -w $data ]]; then
    exec 8>"$data/start.lock"
    flock -n 8 || { note "another start-all.sh or stop-all.sh is at work on $data; waiting for it" && flock 8; }
  fi
  pid=$(running_orchestrator) || true
  left=$(instance_processes)
  if [[ -z $pid && -z $left ]]; then
    rm -f "$pid_file"
    printf 'Roundhouse is not running on %s; there is nothing to stop.\n' "$data"
    return
  fi
  heading "Stopping"
  if [[ -n $pid ]]; then stop_orchestrator "$pid"; fi
  end_leftovers
  rm -f "$pid_file"
  printf 'Roundhouse has stopped; no process of it is left. Jobs that still waited are kept and run after the next start.\n'
}

stop_orchestrator() { # stop_orchestrator PID
  local began=$SECONDS
  kill -TERM "$1" 2>/dev/null || die "Process $1 belongs to another user." "Run this as $(stat -c %U "/proc/$1")."
  if ! gone_within "$drain_limit_s" "$1" "finishing what runs"; then
    warn "it still runs after $drain_limit_s s; ending it at once"
    kill -TERM "$1" 2>/dev/null || true # a second one ends it without waiting
    gone_within 10 "$1" "ending" || { kill -KILL "$1" 2>/dev/null || true; gone_within 10 "$1" "killing" || true; }
  fi
  done_line "orchestrator: process $1 ended after $((SECONDS - began)) s"
}

end_leftovers() {
  local left
  # What the orchestrator started dies with it; the kernel and the launchers need a moment for that.
  none_left_within 3 && return
  left=$(instance_processes | tr '\n' ' ')
  warn "ending what was left behind: $left"
  # shellcheck disable=SC2086 # one word for each process
  kill -KILL $left 2>/dev/null || true
  none_left_within 10 || die "These processes cannot be ended: $(instance_processes | tr '\n' ' ')" "They hang in the kernel, most often in a device driver; only a reboot helps then."
}

none_left_within() { # none_left_within SECONDS
  local until=$((SECONDS + $1))
  while [[ -n $(instance_processes) ]]; do
    ((SECONDS < until)) || return 1
    sleep 0.1
  done
}

gone_within() { # gone_within SECONDS PID WHAT
  local began=$SECONDS seconds
  told_s=0
  while is_orchestrator "$2"; do
    seconds=$((SECONDS - began))
    ((seconds < $1)) || { clear_line; return 1; }
    if [[ -t 1 ]]; then
      printf '\r\e[K  %s, %s s' "$3" "$seconds"
    elif ((seconds >= told_s + (told_s == 0 ? 2 : 10))); then
      told_s=$seconds
      note "$3 … $seconds s"
    fi
    sleep 0.1
  done
  clear_line
}

main
