#!/usr/bin/env bash
# Runs every fuzz target under ASan and UBSan from its seeds and checks how much of its parser was
# covered.   tests/fuzz/run.sh [SECONDS=60] [NAME...]
# A target names its parsers in a comment line:  // Covers: server/rtp/packet.cpp server/rtp/packet.hpp
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
shift || true
floor=85

[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
names=("$@")
if [ ${#names[@]} = 0 ]; then
  for source in tests/fuzz/*_fuzzer.cpp; do names+=("$(basename "$source" .cpp)"); done
fi
ninja -C build/fuzz "${names[@]}"

one() {
  local name=$1 work=build/fuzz/runs/$1
  mkdir -p "$work/corpus"
  local seeds="tests/fuzz/seeds/$name" covered
  covered=$(sed -n 's,^// Covers: *,,p' "tests/fuzz/$name.cpp" | tr '\n' ' ')
  if [ ! -d "$seeds" ] || [ -z "$covered" ]; then
    echo "FAILED $name: needs seeds in $seeds, and a line that names its parsers"
    return 1
  fi
  if ! LLVM_PROFILE_FILE="$PWD/$work/run.profraw" "build/fuzz/tests/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" "$seeds" >"$work/log" 2>&1; then
    echo "FAILED $name: a finding, see $work"
    tail -n 30 "$work/log"
    return 1
  fi
  local percent runs
  llvm-profdata-19 merge -sparse "$work/run.profraw" -o "$work/run.profdata"
  # shellcheck disable=SC2086
  percent=$(llvm-cov-19 export -summary-only "build/fuzz/tests/$name" -instr-profile="$work/run.profdata" $covered |
    python3 -c 'import json,sys; print(int(json.load(sys.stdin)["data"][0]["totals"]["lines"]["percent"]))')
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
  printf '%-34s %10s runs  %3s %% of lines  %s\n' "$name" "$runs" "$percent" "$covered"
  if [ "$percent" -lt "$floor" ]; then
    echo "FAILED $name: covers $percent % of its parser, less than $floor %"
    return 1
  fi
}
export -f one
export seconds floor
printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'one {}'
