#!/usr/bin/env bash
# Installs a build into a temporary prefix; builds and runs an outside project with CMake and with
# pkg-config. Usage: use_package.sh CMAKE BUILD-FOLDER PROJECT COMPILER LIBDIR LAUNCHER
set -euo pipefail
cmake=$1 build=$2 project=$3 compiler=$4 libdir=$5 launcher=$6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/prefix" >"$work/install.log" || {
  cat "$work/install.log"
  exit 1
}
"$cmake" -G Ninja -S "$project" -B "$work/outside" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"
"$cmake" --build "$work/outside"
cd "$work"
outside/count_exits
outside/check_config

# The same objects and sources by way of pkg-config. Prefixes are relative to the .pc files.
export PKG_CONFIG_PATH=$work/prefix/$libdir/pkgconfig
pkg=(pkg-config --define-prefix)
# shellcheck disable=SC2046  # options are words
"$compiler" "$project/check_config.cpp" -o check_config \
  $("${pkg[@]}" --cflags --libs axvm-core)
./check_config
# shellcheck disable=SC2046
"$compiler" outside/CMakeFiles/count_exits.dir/count_exits.cpp.o -o count_exits \
  $("${pkg[@]}" --libs axvm)
./count_exits
if "${pkg[@]}" --libs axvm-core | grep -q unicorn; then
  echo "axvm-core must not need Unicorn"
  exit 1
fi
