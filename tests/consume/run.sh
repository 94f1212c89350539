#!/usr/bin/env bash
# Uses the framework as other projects do: the installed package and the source tree as a subdirectory.
# Usage: run.sh BUILD_DIR      CXX and CC choose the compiler, LOWART_JOBS how many run at once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${1:?"usage: run.sh BUILD_DIR"}
jobs=${LOWART_JOBS:-$(nproc)}
export CXX=${CXX:-clang++-19} CC=${CC:-clang-19}
launcher=()
! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

rm -rf "$build/prefix"
cmake -S "$source" -B "$build/install" -G Ninja -DCMAKE_INSTALL_PREFIX="$build/prefix" -DLOWART_BUILD_TESTS=OFF \
  -DLOWART_BUILD_EXAMPLES=OFF -DLOWART_BUILD_SERVER=OFF -DLOWART_BUILD_BENCHMARKS=OFF
cmake --install "$build/install" >/dev/null

passed=0 failed=0
for project in subdirectory package; do
  if cmake -S "$here/$project" -B "$build/$project" -G Ninja -DCMAKE_CXX_FLAGS=-O0 -DLOWART_SOURCE="$source" \
    -DCMAKE_PREFIX_PATH="$build/prefix" "${launcher[@]}" --no-warn-unused-cli &&
    ninja -C "$build/$project" -j "$jobs" app && "$build/$project/app"; then
    ((++passed))
  else
    ((++failed))
  fi
done
echo "$passed passed, $failed failed"
((failed == 0))
