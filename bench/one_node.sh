# shellcheck shell=bash
# Sourced by benchmarks: start_node starts build/release/meridian with one worker on free ports, and
# stops it when the script ends. Sets node (its process), folder (for its files) and url.
folder=$(mktemp -d)
node=
url=
stop_node() {
  [ -z "$node" ] || { kill "$node" 2>/dev/null && wait "$node" 2>/dev/null; } || true
  rm -rf "$folder"
}
trap stop_node EXIT

start_node() {  # start_node [NAME=VALUE…]: with these in its environment
  {
    echo "regions:"
    echo "  - {id: bench, latitude: 0, longitude: 0, url: 'http://127.0.0.1:1'}"
    echo "pools:"
    echo "  - {region: bench, workers: 1, signalling: ['127.0.0.1:0'], participants: 4000, media: {address: 127.0.0.1, port: 0}}"
    echo "accounts:"
    echo "  - {id: bench, name: Bench, default_region: bench, api_keys: [{key: benchkey, secret: benchsecret}]}"
    echo "limits: {participants_per_room: 2000}"
    echo "shed_load: false"
  } >"$folder/config.yaml"
  env "$@" build/release/meridian serve --config "$folder/config.yaml" --data-dir "$folder/data" \
    >"$folder/out" 2>"$folder/log" &
  node=$!
  for _ in $(seq 100); do
    url=$(sed -n 's/.*event=listening for=signalling region=[a-z-]* address=\([0-9.:]*\).*/ws:\/\/\1/p' "$folder/log")
    [ -z "$url" ] || break
    kill -0 "$node" 2>/dev/null || break
    sleep 0.1
  done
  if [ -z "$url" ]; then
    echo "the node did not start:" >&2
    cat "$folder/log" >&2
    exit 1
  fi
  ulimit -n 8192 2>/dev/null || true
}
