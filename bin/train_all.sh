#!/usr/bin/env bash
# Train every experiment, five losses on each dataset that is prepared, into results/<experiment>,
# with the seed that `disvae train` has, unless the call says other seeds.
#
#   bin/train_all.sh [options of `disvae sweep`]
#
# Call it again to go on after an interruption; finished runs are kept.
set -euo pipefail
source "$(dirname "$0")/common.sh"

datasets=$(prepared "$@" -- dsprites mnist fashion celeba chairs)
[ -n "$datasets" ] || exit 1
seed=(--grid seed=1234)
[[ "$*" != *seed* ]] || seed=()
# shellcheck disable=SC2086 # one word a dataset
"$disvae" sweep --name . -x "$(experiments $datasets)" ${seed[@]+"${seed[@]}"} "$@"
