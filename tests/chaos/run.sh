#!/usr/bin/env bash
# Runs the reference server between clients and upstreams that fail by a seed. Needs the program built:
#   LOWART_BIN=build/release/reference-server/lowart tests/chaos/run.sh
# LOWART_CHAOS_SECONDS (40): for how long. LOWART_CHAOS_SEED (by the clock): which troubles, in which order.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export LOWART_SOURCE_DIR=${LOWART_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
export LOWART_BIN=${LOWART_BIN:-$LOWART_SOURCE_DIR/build/release/reference-server/lowart}
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/run.py" "$@"
