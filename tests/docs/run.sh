#!/usr/bin/env bash
# Holds the documentation to the code. Reads LOWART_BIN, the server's binary, when there is one; prints
# `N passed, N failed` last. `check.py --write` copies quoted snippets anew.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/check.py" "$@"
