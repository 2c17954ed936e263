#!/usr/bin/env bash
# Runs a command with the pinned Node.js and the project's npm programs first on PATH.
# Usage: scripts/with-node.sh COMMAND [ARG ...]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_runtime
cd "$root"
export PATH=$PATH:$root/node_modules/.bin
exec "$@"
