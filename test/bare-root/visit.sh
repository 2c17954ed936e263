#!/usr/bin/env bash
# What a newcomer does, step by step, with each answer looked at. Runs inside the bare Debian; see run.sh.
# Usage: test/bare-root/visit.sh [--quick]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

url=http://127.0.0.1:${ROUNDHOUSE_PORT:-9000}
answers=$(mktemp -d)
passed=0

main() {
  echo "  node $(node --version), npm $(npm --version), $(python3 --version), redis-server: $(command -v redis-server || echo none)"
  run started ./scripts/start-all.sh
  expect started "Roundhouse is running at $url"
  expect started "$(<.roundhouse/api-key)"
  [[ $(stat -c %a .roundhouse/api-key) == 600 ]] || fail "the key's file is readable by others"
  try_the_models
  try_the_printed_commands
  run again ./scripts/start-all.sh
  expect again "already running"
  run checked npx roundhouse check
  expect checked "no problems"
  run status npx roundhouse status
  expect status smollm2-135m
  run stopped ./scripts/stop-all.sh
  expect stopped "no process of it is left"
  no_process_left
  run stopped-again ./scripts/stop-all.sh
  expect stopped-again "not running"
  if [[ ${1:-} != --quick ]]; then
    ./scripts/test.sh
    no_process_left
  fi
  echo "$passed passed, 0 failed"
}

try_the_models() {
  call chat /v1/chat/completions '{"model":"smollm2-135m","messages":[{"role":"user","content":"Name the capital city of France."}],"temperature":0}'
  expect chat Paris
  call stream /v1/chat/completions '{"model":"smollm2-135m","messages":[{"role":"user","content":"Name the capital city of France."}],"temperature":0,"stream":true}'
  expect stream 'data: \[DONE\]'
  (($(grep -c '^data: {' "$answers/stream") > 4)) || fail "the stream came in one piece"
  call speech /v1/audio/speech '{"model":"tts-1","voice":"alloy","input":"The second engine is on the turntable.","response_format":"wav"}'
  [[ $(head -c 4 "$answers/speech") == RIFF ]] || fail "the speech is no WAV"
  curl -sS -m 120 -H "Authorization: Bearer $(<.roundhouse/api-key)" -F model=whisper-1 -F "file=@$answers/speech;filename=speech.wav" \
    -o "$answers/heard" "$url/v1/audio/transcriptions" || fail "no answer from /v1/audio/transcriptions"
  expect heard turntable
  call embedded /v1/embeddings '{"input":["Wann fährt der Zug?"]}'
  expect embedded '"embedding"'
  call models /v1/models
  expect models en-us-joe
  call accepted /jobs '{"model":"smollm2-135m","input":{"messages":[{"role":"user","content":"Name the capital city of France."}],"temperature":0}}'
  expect accepted '"queued"'
  call job "/jobs/$(grep -o 'job_[0-9A-Z]*' "$answers/accepted" | head -n 1)?wait=60"
  expect job '"completed"'
  expect job Paris
}

# The commands are pasted as they were printed.
try_the_printed_commands() {
  sed -n '/^curl /,$p' "$answers/started" >"$answers/commands"
  run pasted bash -eu "$answers/commands"
  expect pasted Paris
  expect pasted turntable
  expect pasted '"completed"'
  [[ $(head -c 4 hello.wav) == RIFF ]] || fail "hello.wav is no WAV"
  rm hello.wav
}

run() { # run NAME COMMAND ...
  local name=$1 began=$SECONDS status=0
  shift
  "$@" >"$answers/$name" 2>&1 </dev/null || status=$?
  sed 's/^/    | /' "$answers/$name"
  ((status == 0)) || fail "$* ended with status $status"
  ok "$* ($((SECONDS - began)) s)"
}

call() { # call NAME PATH [BODY]
  local body=()
  if [[ -n ${3:-} ]]; then body=(-H 'Content-Type: application/json' -d "$3"); fi
  curl -sS -m 120 -H "Authorization: Bearer $(<.roundhouse/api-key)" "${body[@]}" -o "$answers/$1" "$url$2" || fail "no answer from $2"
}

expect() { # expect NAME PATTERN
  grep -q -- "$2" "$answers/$1" || { tail -c 2000 "$answers/$1"; fail "$1 does not say: $2"; }
  ok "$1 says: $2"
}

no_process_left() {
  local pid command
  for pid in /proc/[0-9]*; do
    command=$({ tr "\0" " " <"$pid/cmdline"; } 2>/dev/null) || continue
    [[ ! $command =~ roundhouse\.ts|valkey-server|redis-server|launcher\.py|gpu-services/ ]] || fail "still there: $command"
  done
  ok "no process is left"
}

ok() { passed=$((passed + 1)) && echo "  ok $1"; }
fail() { echo "  FAILED: $1" >&2 && exit 1; }

main "$@"
