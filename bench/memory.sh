#!/usr/bin/env bash
# Memory of a node for each participant, subscription and published layer, beside the budgets:
# bench/memory.sh [--participants N] …. docs/benchmarks.md explains the table.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=bench/one_node.sh
. bench/one_node.sh
start_node LD_PRELOAD=build/release/bench/libmeridian_heap_counter.so "MERIDIAN_HEAP_COUNTER=$folder/heap"
timeout 280 build/release/bench/meridian_bench_memory --url "$url" --heap "$folder/heap" --process "$node" "$@"
