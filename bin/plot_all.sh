#!/usr/bin/env bash
# Draw everything for every run under results/, and the grid of five losses by four datasets.
#
#   bin/plot_all.sh [RESULTS_DIR]
#
# A run whose dataset cannot be had gets the plots that need none. The grid has the datasets
# for which the runs of all five losses (VAE_mnist, betaH_mnist, ...) are drawn.
set -uo pipefail

source "$(dirname "$0")/common.sh"

results=${1:-results}

failed=()
draw() {
    "$disvae" plot "$@" --results-dir "$results" -s 1234 --is-show-loss
}

for specs in "$results"/*/specs.json; do
    [ -e "$specs" ] || { echo "There are no runs in $results" >&2; exit 1; }
    name=$(basename "$(dirname "$specs")")
    echo "== $name"
    if draw "$name" all; then
        draw "$name" traversals --is-posterior || failed+=("$name")
    else
        echo "$name: drawing only what needs no dataset" >&2
        draw "$name" generate-samples traversals losses || failed+=("$name")
    fi
done

datasets=()
for dataset in dsprites celeba chairs mnist; do
    for loss in VAE betaH betaB factor btcvae; do
        [ -e "$results/${loss}_$dataset/posterior_traversals.gif" ] || continue 2
    done
    datasets+=("$dataset")
done
if [ ${#datasets[@]} -gt 0 ]; then
    runs=()
    for loss in VAE betaH betaB factor btcvae; do
        for dataset in "${datasets[@]}"; do
            runs+=("${loss}_$dataset")
        done
    done
    "$disvae" grid "$results/grid_posteriors.gif" "${runs[@]}" --columns ${#datasets[@]} \
        --results-dir "$results" || failed+=("the grid")
fi

if [ ${#failed[@]} -gt 0 ]; then
    echo "Not drawn: ${failed[*]}" >&2
    exit 1
fi
