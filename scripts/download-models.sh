#!/usr/bin/env bash
# Fetches the weights of the models file in use, or of the named models; installs what it needs for that first.
# What was broken off goes on where it was; sizes and licences are told before the first byte.
# Commits are those of the lock file beside the models file; with --update, what the branches mean now.
# Usage: scripts/download-models.sh [MODEL ... | --all] [--update] [--models FILE] [--json]
#   Settings: HF_HOME, HF_TOKEN, ROUNDHOUSE_HF_TOKEN_FILE; see docs/DEPLOYMENT.md
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$root/scripts/install.sh" --services downloads >&2
use_runtime
if (($# == 0)); then set -- --all; fi
exec node "$root/src/cli/roundhouse.ts" models pull "$@"
