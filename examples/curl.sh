#!/bin/sh
# Speaks and reads without any library: sh examples/curl.sh ROOM SITE
set -eu
room=$1 site=$2 id=$(date +%s)-$$

# Say something; the same line again is harmless, for the id is the same.
for attempt in 1 2; do
  curl -sS --fail-with-body "$site/api/rooms/$room/messages" -H 'X-Cadence-Name: Curl' \
    -d "{\"id\": \"$id\", \"text\": \"The ledger double-books on Tuesdays.\"}"
  echo
done

# The newest message, as it was said.
curl -sS --fail-with-body "$site/api/rooms/$room/messages?limit=1"
echo

# What the room said, condensed by Alex.
curl -sS --fail-with-body "$site/v1/chat/completions" \
  -d "{\"model\": \"alex/$room\", \"messages\": [{\"role\": \"user\", \"content\": \"What was said.\"}]}"
