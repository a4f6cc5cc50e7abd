#!/usr/bin/env bash
# Builds the simulator and runs it: tests/sim/run.sh [COUNT] runs seeds 1 to COUNT (200 unless told),
# each twice, and then test R10: RESIDENCY (500 unless set) sequences of policies, joins, failures,
# closed pools and changes against a model of the policy that shares no code with the server.
# Last come the scenarios of docs/adaptation.md with their goals.
# tests/sim/run.sh --seed N or --residency-seed N replays one with its log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
jobs=${JOBS:-$(nproc)}
preset=${PRESET:-dev}

[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
ninja -C "build/$preset" -j "$jobs" meridian_sim >&2
sim=build/$preset/tests/meridian_sim
MERIDIAN_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
export MERIDIAN_COMMIT

if [ "${1:-}" = --seed ] || [ "${1:-}" = --residency-seed ]; then
  exec "$sim" "$1" "${2:?which seed}" --log
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0

run_range() {  # run_range WHAT MODE COUNT: one process for each core, each with its own range of seeds
  local what=$1 mode=$2 count=$3 from=1 share i processes=$jobs
  [ "$processes" -le "$count" ] || processes=$count
  for ((i = 0; i < processes; i++)); do
    share=$(((count - from + 1) / (processes - i)))
    "$sim" "$mode" "$from" "$share" >"$results/$i" &
    from=$((from + share))
  done
  for ((i = 0; i < processes; i++)); do
    wait -n || status=1
  done
  for ((i = 0; i < processes; i++)); do
    sed '$d' "$results/$i"
  done
  for ((i = 0; i < processes; i++)); do
    tail -n 1 "$results/$i"
  done | awk -v what="$what" '{ passed += $1; failed += $3 } END { printf "%s: %d passed, %d failed\n", what, passed, failed; exit failed > 0 }' || status=1
}

run_range "rooms, each twice" --seeds "${1:-200}"
run_range "R10, policies, joins, failures and opt-outs" --residency "${RESIDENCY:-500}"
echo "video over bad networks:"
"$sim" --adaptation || status=1
exit "$status"
