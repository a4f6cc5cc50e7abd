#!/bin/sh
# check.sh COMPILER INCLUDE_DIRECTORY SOURCE REASON: SOURCE compiles, and with MUST_FAIL doesn't, for REASON.
set -u
compiler=$1 include=$2 source=$3 reason=$4
compile() { "$compiler" -std=c++23 -fsyntax-only -I"$include" "$@" "$source" 2>&1; }

if ! output=$(compile); then
  echo "the right case does not compile:"
  echo "$output"
  exit 1
fi
if output=$(compile -DMUST_FAIL); then
  echo "the wrong case compiles"
  exit 1
fi
if ! echo "$output" | grep -Eq "error: .*($reason)"; then
  echo "the wrong case fails for another reason than '$reason':"
  echo "$output"
  exit 1
fi
