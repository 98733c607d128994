#!/usr/bin/env bash
# Train every experiment, five losses on each dataset that is prepared, into results/<experiment>.
#
#   bin/train_all.sh [options of `disvae sweep`]
#
# Call it again to go on after an interruption; finished runs are kept.
set -euo pipefail
source "$(dirname "$0")/common.sh"

datasets=$(prepared "$@" -- dsprites mnist fashion celeba chairs)
[ -n "$datasets" ] || exit 1
# shellcheck disable=SC2086 # one word a dataset
"$disvae" sweep --name . -x "$(experiments $datasets)" "$@"
