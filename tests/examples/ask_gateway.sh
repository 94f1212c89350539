#!/bin/bash
# Starts the gateway example on a free port with a first provider that refuses every connection, asks it, and ends it:
# the second provider must answer, whole and streamed, and the program must leave with 0.
# Usage: ask_gateway.sh PROGRAM
set -euo pipefail

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
address=127.0.0.1:$(free_port)

"$1" "$address" "http://127.0.0.1:$(free_port)/v1" &
gateway=$!
trap 'kill -9 $gateway 2>/dev/null || true' EXIT

ask() {
  curl --silent --show-error --fail-with-body --max-time 20 --retry 20 --retry-connrefused --retry-delay 0 \
    --retry-max-time 10 "http://$address/v1/chat/completions" -H 'content-type: application/json' \
    -d '{"model":"demo","max_tokens":8,"messages":[{"role":"user","content":"Say hello"}]'"$1}"
}

for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/${address/://}") 2>/dev/null && break
  sleep 0.05
done

whole=$(ask '')
grep -q '"chat.completion"' <<<"$whole" || { echo "not a completion: $whole" >&2; exit 1; }
streamed=$(ask ',"stream":true')
grep -q '^data: \[DONE\]' <<<"$streamed" || { echo "a stream without an end: $streamed" >&2; exit 1; }

kill -TERM $gateway
wait $gateway
