#!/usr/bin/env bash
# Generates crates/kerata-formats/src/containers/proto/generated from the installed TensorFlow and tf-keras.
# Usage: PYTHON=python3 scripts/protos/generate.sh
set -euo pipefail
cd "$(dirname "$0")"
out=../../crates/kerata-formats/src/containers/proto/generated
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" descriptors.py "$work/messages.fds"
rm -rf "$out" && mkdir -p "$out"
CARGO_TARGET_DIR="$work/target" cargo run -q -- "$work/messages.fds" "$out"
mv "$out/third_party.py.tf_keras.protobuf.rs" "$out/tf_keras.rs"
mv "$out/google.protobuf.rs" "$out/google.rs"
