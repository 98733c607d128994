#!/usr/bin/env bash
# Vary the weight of the mutual information (alpha) of beta-TCVAE on dSprites and CelebA.
#
#   bin/train_mutual_info.sh [options of `disvae sweep`]
#
# The runs are kept in results/mutual_info; `disvae summary mutual_info` compares them.
set -euo pipefail
source "$(dirname "$0")/common.sh"

datasets=$(prepared "$@" -- dsprites celeba)
[ -n "$datasets" ] || exit 1
names=$(sed 's/^/btcvae_/' <<< "$datasets" | paste -sd, -)
"$disvae" sweep --name mutual_info -x "$names" --grid btcvae_A=-5,-1,0,1,5 "$@"
