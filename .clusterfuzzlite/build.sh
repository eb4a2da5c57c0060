#!/bin/bash
# Builds every fuzz target for ClusterFuzzLite, with its seeds and regressions as its seed corpus.
# There is one binary, which runs the target that it is called by.
set -euo pipefail
cd "$SRC/kortlab"
cargo fuzz build --release --features libfuzzer target
built=$(find target fuzz/target -path '*/release/target' -type f 2>/dev/null | head -n 1)
for file in fuzz/src/targets/*.rs; do
    name=$(basename "$file" .rs)
    if [ "$name" = mod ]; then
        continue
    fi
    cp "$built" "$OUT/$name"
    inputs=()
    for directory in "fuzz/seeds/$name" "fuzz/regressions/$name"; do
        if [ -d "$directory" ]; then
            inputs+=("$directory"/*)
        fi
    done
    zip --quiet --junk-paths "$OUT/${name}_seed_corpus.zip" "${inputs[@]}"
done
