#!/usr/bin/env bash
# Fails when the archives need a symbol that they do not define themselves, beyond the four memory
# functions a freestanding C++ compiler may call.
# usage: check_symbols.sh NM ARCHIVE...
set -euo pipefail
nm=$1
shift
defined=$("$nm" --defined-only "$@" | awk 'NF == 3 {print $3}' | sort -u)
needed=$("$nm" --undefined-only "$@" | awk 'NF == 2 {print $2}' | sort -u)
[ -n "$defined" ] || { echo "check_symbols: the archives define nothing" >&2; exit 1; }
extra=$(comm -13 <(printf '%s\n' "$defined") <(printf '%s\n' "$needed") |
  grep -vxE 'memcpy|memmove|memset|memcmp' || true)
if [ -n "$extra" ]; then
  echo "core/ must not need:" >&2
  printf '%s\n' "$extra" | c++filt | sed 's/^/  /' >&2
  exit 1
fi
