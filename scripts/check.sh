#!/usr/bin/env bash
# Every check of the project, one after the other, with a summary at the end. Fails when any of them does.
# Usage: npm run check [-- NAME ...]     NAME: only these, as the summary calls them
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$root"
require_runtime
export PATH=$PATH:$root/node_modules/.bin:$root/.venvs/dev/bin
wanted=" $* "
kill_rounds=${ROUNDHOUSE_KILL_ROUNDS:-}
# What this shell has set for a server of its own is not meant for those that the tests start.
unset "${!ROUNDHOUSE_@}" REDIS_URL
# Model servers that are tested without a supervisor find the unpacked libraries, too.
if [[ -d .runtime/lib ]]; then export LD_LIBRARY_PATH=$root/.runtime/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; fi
summary=()
failed=0

check() { # check NAME COMMAND ...
  local name=$1 began=$SECONDS status=0 verdict
  shift
  if [[ $wanted != '  ' && $wanted != *" $name "* ]]; then return; fi
  printf '\n'
  heading "== $name"
  "$@" </dev/null || status=$?
  verdict=$(paint 32 passed)
  if ((status != 0)); then
    verdict=$(paint 31 FAILED)
    failed=$((failed + 1))
  fi
  summary+=("$(printf '  %-14s %s  %s s' "$name" "$verdict" $((SECONDS - began)))")
}

check_shell() {
  if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is not installed: scripts/install.sh --dev, or apt-get install shellcheck"
    return 1
  fi
  shellcheck --external-sources scripts/*.sh scripts/roundhouse .ci/run test/bare-root/*.sh
}

check types tsc --noEmit
check lint biome check
check unused knip
check shell check_shell
check models scripts/roundhouse check models.yaml models.cpu.yaml
for part in architecture unit contract integration e2e; do
  check "$part" npm run --silent "test:$part"
done
check engines env ROUNDHOUSE_ENGINE_ROUNDS=1 npm run --silent test:engines
check kill env ROUNDHOUSE_KILL_ROUNDS="${kill_rounds:-1}" npm run --silent test:kill
check python scripts/check-python.sh

printf '\n'
heading "Summary"
printf '%s\n' "${summary[@]}"
((failed == 0)) || die "$failed of ${#summary[@]} checks failed." "One alone: npm run check -- NAME"
printf '%s\n' "$(paint 32 "all ${#summary[@]} checks passed")"
