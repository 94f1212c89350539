#!/usr/bin/env bash
# Runs the reference server against scripted upstreams and real clients. Needs the programs built:
#   LOWART_BIN=build/dev/reference-server/lowart LOWART_TOOLS=build/dev/benchmarks tests/server/run.sh [PART OF A NAME]
# LOWART_RECORDINGS (optional): a directory with recordings.jsonl.xz, real traffic to replay.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export LOWART_SOURCE_DIR=${LOWART_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
export LOWART_BIN=${LOWART_BIN:-$LOWART_SOURCE_DIR/build/dev/reference-server/lowart}
export LOWART_TOOLS=${LOWART_TOOLS:-$LOWART_SOURCE_DIR/build/dev/benchmarks}
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/run.py" "$@"
