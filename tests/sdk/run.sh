#!/usr/bin/env bash
# The official SDKs, Python and Node, and the OpenAPI document's own tester against the reference server. Installs them
# into build/sdk.
#   LOWART_BIN=build/dev/reference-server/lowart tests/sdk/run.sh [PART OF A NAME]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export LOWART_SOURCE_DIR=${LOWART_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
export LOWART_BIN=${LOWART_BIN:-$LOWART_SOURCE_DIR/build/dev/reference-server/lowart}
export PYTHONDONTWRITEBYTECODE=1
place=$LOWART_SOURCE_DIR/build/sdk
mkdir -p "$place/node"

if ! cmp -s "$here/requirements.txt" "$place/requirements.installed"; then
  rm -rf "$place/venv"
  python3 -m venv "$place/venv"
  "$place/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$place/requirements.installed"
fi
if ! cmp -s "$here/openapi_requirements.txt" "$place/openapi.installed"; then # apart: it wants other versions
  rm -rf "$place/openapi"
  python3 -m venv "$place/openapi"
  "$place/openapi/bin/pip" install --quiet --disable-pip-version-check -r "$here/openapi_requirements.txt"
  cp "$here/openapi_requirements.txt" "$place/openapi.installed"
fi
export LOWART_SCHEMATHESIS=$place/openapi/bin/schemathesis
if ! cmp -s "$here/package-lock.json" "$place/node/installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$place/node/"
  npm ci --prefix "$place/node" --ignore-scripts --no-audit --no-fund --silent
  cp "$here/package-lock.json" "$place/node/installed"
fi
export LOWART_NODE_MODULES=$place/node/node_modules
exec "$place/venv/bin/python" "$here/run.py" "$@"
