#!/usr/bin/env bash
# Measures the CPU time of a forwarded packet, beside what this machine allows when the ideal
# forwarder is at hand (the folder MERIDIAN_FLOOR, and root for its network namespace). Without it,
# sockets on loopback and a copy-and-sendto loop are the yardstick. docs/benchmarks.md explains.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bench=build/release/bench/meridian_bench_forward
floor=${MERIDIAN_FLOOR:-../shared/floor}

[ -x "$bench" ] || { echo "bench/run.sh: build it first, ./dev bench does" >&2; exit 1; }
if [ ! -x "$floor/run.sh" ] || [ "$(id -u)" != 0 ]; then
  exec timeout 300 "$bench" "$@"
fi

rows=$(REPS=${REPS:-3} timeout 300 "$floor/run.sh" || true)
printf '%s\n\n' "$rows"
figure() {  # figure CRYPTO IO BURST: microseconds with 50 subscribers
  awk -v c="$1" -v o="$2" -v b="$3" -v l="${4:-1200}" '
    $1 == c && $2 == o && /N=50 / && $0 ~ "len=" l " " && $0 ~ "burst=" b " " {
      for (i = 1; i < NF; i++) if ($i == "min") { print $(i + 1); exit } }' <<<"$rows"
}
sendto=$(figure copy sendto 1)
video=$(figure imb gso 8)
audio=$(figure imb mmsg 1 120)
if [ -z "$sendto" ] || [ -z "$video" ] || [ -z "$audio" ]; then
  echo "bench/run.sh: the ideal forwarder gave no figures; on loopback without it" >&2
  exec timeout 300 "$bench" "$@"
fi
awk -v f="$video" -v s="$sendto" 'BEGIN {
  printf "ideal / sendto = %.2f%s\n\n", f / s,
    (f / s > 0.12) ? ": above 0.12 with VAES this machine was disturbed, the run is void" : "" }'

"$floor/netns_up.sh" >/dev/null 2>&1
trap '"$floor/netns_down.sh" >/dev/null 2>&1 || true' EXIT
# A meeting of n in which all publish is for the ideal forwarder what a burst of n - 1 to n peers is.
conferences=()
for n in 4 10; do
  row=$(ip netns exec lim env REPS="${REPS:-3}" "${OUT:-/tmp/meridian-limits}/fwd" imb gso 10.77.0.9 "$n" 1200 $((n - 1)))
  printf '%s\n' "$row"
  conferences+=("$(awk '{ for (i = 1; i < NF; i++) if ($i == "min") { print $(i + 1); exit } }' <<<"$row")")
done
timeout 300 ip netns exec lim "$bench" --to 10.77.0.9 --floor-sendto "$sendto" --floor-video "$video" \
  --floor-audio "$audio" --conferences 4 10 --floor-conferences "${conferences[@]}" "$@"
