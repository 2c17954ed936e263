#!/usr/bin/env bash
# Installs what is missing, starts Roundhouse in the background, and waits until it answers.
# Usage: scripts/start-all.sh      Settings: docs/CONFIGURATION.md
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

caller=$PWD
show_every_s=20
patience_s=600
role=${ROUNDHOUSE_ROLE:-all}
first_key=

main() {
  read_instance
  mkdir -p "$data/logs" 2>/dev/null || die "The data folder $data cannot be made." "Set ROUNDHOUSE_DATA to a folder that $(id -un) can write to."
  chmod 700 "$data"
  exec 8>"$data/start.lock"
  flock -n 8 || { note "another start-all.sh or stop-all.sh is at work on $data; waiting for it" && flock 8; }
  if pid=$(running_orchestrator); then
    already_running
    return
  fi
  heading "Installing"
  "$root/scripts/install.sh" 8>&-
  use_runtime
  refuse_taken_port
  tell_missing_weights
  heading "Starting"
  [[ -f $key_file ]] || first_key=yes
  launch_orchestrator
  wait_until_ready
  if [[ $role == worker ]]; then
    heading "The worker is running; its API is where the other half runs"
  else
    tell_how_to_use_it
  fi
}

already_running() {
  printf 'Roundhouse is already running (process %s) at %s; nothing was changed.\n' "$pid" "$(real_url "$log_file")"
  note "A changed models file or setting counts from the next start: ./scripts/stop-all.sh, then ./scripts/start-all.sh"
}

# Gigabytes are not fetched unasked; a model without its weights fails when it is loaded, and the others run. A lock
# file that cannot be understood is told, and stops no server.
tell_missing_weights() {
  local missing
  [[ $role != api ]] || return 0
  missing=$(node "$root/src/cli/roundhouse.ts" models ls --missing | tr '\n' ' ') || return 0
  [[ -z $missing ]] || warn "without weights yet: ${missing% }. Fetch them: ./scripts/download-models.sh (it tells sizes and licences first)"
}

refuse_taken_port() {
  local holder
  [[ $port != 0 && $role != worker ]] || return 0
  holder=$(node "$root/scripts/port-holder.ts" "$port")
  [[ -z $holder ]] || die "Port $port is taken by $holder: stop that, or set ROUNDHOUSE_PORT to a free port."
}

launch_orchestrator() {
  if [[ -f $log_file && $(stat -c %s "$log_file") -gt 10000000 ]]; then mv -f "$log_file" "$log_file.1"; fi
  touch "$log_file"
  log_begin=$(($(stat -c %s "$log_file") + 1))
  cd "$root"
  setsid node "${node_flags[@]}" src/cli/roundhouse.ts serve >>"$log_file" 2>&1 </dev/null 8>&- &
  pid=$!
  printf '%s\n' "$pid" >"$pid_file"
}

this_start() { tail -c "+$log_begin" "$log_file"; }

# What this start has logged so far says where it listens: with ROUNDHOUSE_PORT=0, any port.
real_url() {
  local found
  [[ $port == 0 ]] || { printf '%s\n' "$url" && return; }
  found=$({ tail -n 5000 "$1" | grep '"http.listening"' | tail -n 1 | sed -n 's/.*"port":\([0-9]*\).*/\1/p'; } || true)
  printf '%s\n' "${url%:0}:${found:-0}"
}

answers() { [[ $(curl -s -o /dev/null -m 5 -w '%{http_code}' "$(real_url "$log_file")$1") == 200 ]]; }

is_ready() { # a worker has no API; an API alone is ready when a worker is, wherever that runs
  case $role in
    worker) this_start | grep -q '"type":"worker.started"' ;;
    api) answers /health ;;
    *) answers /health && answers /ready ;;
  esac
}

wait_until_ready() {
  local began=$SECONDS told=0
  until is_ready; do
    kill -0 "$pid" 2>/dev/null || tell_failure
    tell_waiting $((SECONDS - began))
    sleep 0.2
  done
  clear_line
  done_line "orchestrator: process $pid, ready after $((SECONDS - began)) s, log in $log_file"
}

tell_waiting() { # tell_waiting SECONDS
  if (($1 >= patience_s)); then
    die "Roundhouse runs (process $pid) and is still not ready after $1 s." "See $log_file; ./scripts/stop-all.sh ends it."
  fi
  if [[ -t 1 ]]; then
    printf '\r\e[K  waiting until it is ready, %s s' "$1"
  elif (($1 >= told + (told == 0 ? 2 : show_every_s))); then
    told=$1
    note "waiting until it is ready … $1 s"
  fi
}

tell_failure() {
  clear_line
  rm -f "$pid_file"
  printf '%s Roundhouse stopped while it started:\n' "$(paint 31 error:)" >&2
  said_last | sed 's/^/    /' >&2
  note "Everything it said: $log_file. Once that is mended, run ./scripts/start-all.sh again." >&2
  exit 1
}

said_last() { # errors of the log in words, and what is no log line at all; else the newest log lines
  local words
  words=$(this_start | sed -n -e '/^{/!p' -e '/"level":"\(error\|fatal\)"/s/.*"msg":"\(.*\)"}$/\1/p' | sed -e 's/\\"/"/g' -e 's/\\n/\n/g')
  if [[ -n $words ]]; then tail -n 15 <<<"$words"; else this_start | tail -n 5 | cut -c1-600; fi
}

tell_how_to_use_it() {
  local at key_word models
  models=$(node "$root/src/cli/roundhouse.ts" models-path)
  at=$(real_url "$log_file")
  heading "Roundhouse is running at $at"
  if [[ -n ${ROUNDHOUSE_API_KEYS:-} ]]; then
    key_word="\$ROUNDHOUSE_API_KEY"
    note "key: one of those in ROUNDHOUSE_API_KEYS; put it into ROUNDHOUSE_API_KEY for the commands below"
  else
    key_word="\$(cat $(shown_path "$key_file"))"
    if [[ -n $first_key ]]; then note "key: $(<"$key_file")   (made on this first start; kept in $(shown_path "$key_file"), readable by you alone)"; fi
    [[ -n $first_key ]] || note "key: in $(shown_path "$key_file")"
  fi
  note "models: $(shown_path "$models")    look: npx roundhouse status    stop: $(setting_of_data)./scripts/stop-all.sh"
  if [[ $models == "$root/models.cpu.yaml" ]]; then
    tell_commands "$at" "$key_word"
  else
    printf '\nWhat it offers:\n\ncurl %s/v1/models -H "Authorization: Bearer %s"\n' "$at" "$key_word"
  fi
}

setting_of_data() { if [[ $data != "$root/.roundhouse" ]]; then printf 'ROUNDHOUSE_DATA=%q ' "$data"; fi; }

shown_path() { # shorter where the reader is in the project folder
  if [[ $caller == "$root" && $1 == "$root"/* ]]; then printf '%s\n' "${1#"$root"/}"; else printf '%q\n' "$1"; fi
}

tell_commands() { # tell_commands URL KEY
  local headers="-H \"Authorization: Bearer $2\" -H 'Content-Type: application/json'"
  cat <<COMMANDS

Four commands to try: a question, speech (the second model takes the first one's place), the speech read back, a job that you
need not wait for.

curl $1/v1/chat/completions $headers \\
  -d '{"messages": [{"role": "user", "content": "Name the capital city of France."}], "temperature": 0}'

curl $1/v1/audio/speech $headers -o hello.wav \\
  -d '{"model": "tts-1", "voice": "alloy", "input": "The engine is on the turntable.", "response_format": "wav"}'

curl $1/v1/audio/transcriptions -H "Authorization: Bearer $2" -F model=whisper-1 -F file=@hello.wav

job=\$(curl -s $1/jobs $headers \\
  -d '{"endpoint": "/v1/chat/completions", "input": {"messages": [{"role": "user", "content": "How many days are in a week?"}], "temperature": 0}}' | grep -o 'job_[0-9A-Za-z]*' | head -n 1)
curl "$1/jobs/\$job?wait=30" -H "Authorization: Bearer $2"

COMMANDS
}

main
