#!/usr/bin/env bash
# Score every run under results/: all scores that its dataset has the parts for.
#
#   bin/metrics_all.sh [RESULTS_DIR [options of `disvae eval`]]
set -uo pipefail
source "$(dirname "$0")/common.sh"

results=${1:-results}
shift $(($# > 0))
failed=()
for specs in "$results"/*/specs.json; do
    [ -e "$specs" ] || { echo "There are no runs in $results" >&2; exit 1; }
    name=$(basename "$(dirname "$specs")")
    echo "== $name"
    "$disvae" eval "$name" --results-dir "$results" --metrics all "$@" || failed+=("$name")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "Not scored: ${failed[*]}" >&2
    exit 1
fi
