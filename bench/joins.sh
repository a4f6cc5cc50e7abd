#!/usr/bin/env bash
# Server CPU of DTLS handshakes and of whole joins, in one run: bench/joins.sh [--rooms N] [--video].
# docs/benchmarks.md explains the table.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=bench/one_node.sh
. bench/one_node.sh
# shellcheck disable=SC2119
start_node
timeout 280 build/release/bench/meridian_bench_joins --url "$url" --process "$node" "$@"
