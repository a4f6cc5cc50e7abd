#!/usr/bin/env bash
# Builds the simulator and runs it: tests/sim/run.sh [COUNT] runs seeds 1 to COUNT (200 unless told),
# each twice; tests/sim/run.sh --seed N replays one with its log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
jobs=${JOBS:-$(nproc)}
preset=${PRESET:-dev}

[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
ninja -C "build/$preset" -j "$jobs" meridian_sim >&2
sim=build/$preset/tests/meridian_sim
MERIDIAN_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
export MERIDIAN_COMMIT

if [ "${1:-}" = --seed ]; then
  exec "$sim" --seed "${2:?which seed}" --log
fi
count=${1:-200}
[ "$jobs" -le "$count" ] || jobs=$count

# One process for each core, each with its own range of seeds.
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
from=1
for ((i = 0; i < jobs; i++)); do
  share=$(((count - from + 1) / (jobs - i)))
  "$sim" --seeds "$from" "$share" >"$results/$i" &
  from=$((from + share))
done
status=0
for ((i = 0; i < jobs; i++)); do
  wait -n || status=1
done
for ((i = 0; i < jobs; i++)); do
  sed '$d' "$results/$i"
done
for ((i = 0; i < jobs; i++)); do
  tail -n 1 "$results/$i"
done | awk '{ passed += $1; failed += $3 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' || status=1
exit "$status"
