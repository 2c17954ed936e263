#!/usr/bin/env bash
# Installs what the tests need and runs everything. No Redis has to be installed or running.
# Usage: scripts/test.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

heading "Installing"
"$root/scripts/install.sh" --dev
exec "$root/scripts/with-node.sh" npm run --silent check
