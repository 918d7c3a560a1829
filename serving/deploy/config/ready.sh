#!/bin/bash
# Succeeds when the server answers for the version labelled $READY_LABEL, `stable` if unset; for the
# model without a label if that is empty.
#
# TensorFlow Serving opens its ports as soon as any one version is loaded, so an open port says
# nothing about `stable`. GetModelStatus ignores labels, so it cannot say it either: it shows that
# something is AVAILABLE, and why the rest is not. The metadata of a label is answered by the
# version behind it, or not at all.
#
# The image has bash, but neither curl nor wget.
set -u

PORT="${REST_PORT:-8501}"
MODEL="${MODEL_NAME:-sesrec}"
LABEL="${READY_LABEL-stable}"

get() {
    exec 3<>"/dev/tcp/127.0.0.1/$PORT" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$1" >&3
    cat <&3
    exec 3<&-
}

fail() {
    echo "not ready: $1" >&2
    exit 1
}

status=$(get "/v1/models/$MODEL" 2>/dev/null) || fail "nothing listens on port $PORT"
[[ "$status" =~ \"state\":\ *\"AVAILABLE\" ]] || fail "no version of $MODEL is AVAILABLE: $status"

metadata=$(get "/v1/models/$MODEL${LABEL:+/labels/$LABEL}/metadata" 2>/dev/null)
[[ "$metadata" =~ ^HTTP/1\.[01]\ 200 ]] || fail "label '$LABEL' is not served. Versions: $status"
