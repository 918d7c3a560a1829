#!/bin/bash
# Writes TensorFlow Serving's --ssl_config_file from PEM files:
#   ssl_config.sh SERVER_KEY SERVER_CERTIFICATE [CLIENTS_AUTHORITY] > ssl.config
# With an authority, clients need a certificate of it (mutual TLS). The output holds the private
# key: keep it as secret as the key.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
fi

field() {
    grep -q -e '-----BEGIN ' "$2" || { echo "$2 is not a PEM file" >&2; exit 2; }
    printf '%s: "' "$1"
    tr -d '\r' <"$2" | awk '{ gsub(/["\\]/, "\\\\&"); printf "%s\\n", $0 }'
    printf '"\n'
}

field server_key "$1"
field server_cert "$2"
if [ $# -eq 3 ]; then
    field custom_ca "$3"
    echo 'client_verify: true'
fi
