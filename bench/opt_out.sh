#!/usr/bin/env bash
# Starts a node with three pools on free ports and loopback networks of their own, and opts a region
# out while 200 people of one account meet there: bench/opt_out.sh [--participants N] [--publishers N].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/release
folder=$(mktemp -d)
node=
stop() {
  [ -z "$node" ] || { kill "$node" 2>/dev/null && wait "$node" 2>/dev/null; } || true
  rm -rf "$folder"
}
trap stop EXIT

{
  echo "regions:"
  echo "  - {id: uk-london, latitude: 51.5, longitude: -0.1, url: 'http://127.0.0.1:1'}"
  echo "  - {id: eu-frankfurt, latitude: 50.1, longitude: 8.7, url: 'http://127.0.0.1:2'}"
  echo "  - {id: us-east, latitude: 38.9, longitude: -77.4, url: 'http://127.0.0.1:3'}"
  echo "pools:"
  n=10
  for region in uk-london eu-frankfurt us-east; do
    echo "  - {region: $region, signalling: ['127.0.0.1:0'], participants: 2000, media: {address: 127.$n.0.1, port: 0}}"
    n=$((n + 10))
  done
  echo "admin: {static_tokens: [{name: operator, token: operator, role: operator}]}"
  echo "limits: {participants_per_room: 2000}"
  echo "shed_load: false"
  echo "web: {token_endpoint: development}"
} >"$folder/config.yaml"

"$build/meridian" serve --config "$folder/config.yaml" --data-dir "$folder/data" >"$folder/out" 2>"$folder/log" &
node=$!
listening() { sed -n 's/.*event=listening for=signalling region=\([a-z-]*\) address=\([0-9.:]*\).*/\1=\2/p' "$folder/log"; }
for _ in $(seq 100); do
  [ "$(listening | wc -l)" -lt 3 ] || break
  kill -0 "$node" 2>/dev/null || break
  sleep 0.1
done
places=()
while read -r place; do places+=(--place "$place"); done < <(listening)
if [ "${#places[@]}" != 6 ]; then
  echo "bench/opt_out.sh: the node did not start:" >&2
  cat "$folder/log" >&2
  exit 1
fi
ulimit -n 8192 2>/dev/null || true
timeout 180 "$build/bench/meridian_opt_out" "${places[@]}" --operator-token operator --remove us-east "$@"
