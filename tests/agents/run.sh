#!/usr/bin/env bash
# Coding agents at work through the reference server: Codex CLI, Gemini CLI, opencode. Installs them into build/agents.
#   LOWART_BIN=build/dev/reference-server/lowart tests/agents/run.sh [PART OF A NAME]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export LOWART_SOURCE_DIR=${LOWART_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
export LOWART_BIN=${LOWART_BIN:-$LOWART_SOURCE_DIR/build/dev/reference-server/lowart}
export PYTHONDONTWRITEBYTECODE=1
place=$LOWART_SOURCE_DIR/build/agents
mkdir -p "$place"

if ! cmp -s "$here/package-lock.json" "$place/installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$place/"
  npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --silent
  cp "$here/package-lock.json" "$place/installed"
fi
export LOWART_AGENTS=$place/node_modules/.bin:$place/node_modules/opencode-linux-x64-baseline/bin
exec python3 "$here/run.py" "$@"
