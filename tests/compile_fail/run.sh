#!/bin/sh
# Checks that FILE does not compile and that the compiler's first error is the sentence the file expects.
# Usage: run.sh COMPILER FILE [FLAGS...]       The file says `// expect: <extended regular expression>`.
set -u
compiler=$1
file=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)

expected=$(sed -n 's|^// expect: ||p' "$file" | head -n 1)
if [ -z "$expected" ]; then
  echo "$file has no '// expect: ' line" >&2
  exit 2
fi
if output=$("$compiler" -std=c++20 -fsyntax-only -fno-diagnostics-color -I"$here/../../include" "$@" "$file" 2>&1); then
  echo "$file compiles, but must not" >&2
  exit 1
fi
first=$(printf '%s\n' "$output" | grep -m 1 'error:')
if ! printf '%s\n' "$first" | grep -Eq -- "$expected"; then
  printf 'the first error of %s is\n  %s\nand not\n  %s\n' "$file" "$first" "$expected" >&2
  exit 1
fi
