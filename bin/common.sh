# Sourced by the scripts here: finds the command, and which datasets are prepared.

disvae=$(command -v "$(dirname "${BASH_SOURCE[0]}")/../.venv/bin/disvae" || command -v disvae) \
    || { echo "There is no disvae; install it first: make setup" >&2; exit 1; }

# Print the prepared ones of the datasets named; name the others on the error output.
prepared() {
    local list name
    list=$("$disvae" data list)
    for name in "$@"; do
        if grep -q "^$name .*\[prepared in" <<< "$list"; then
            echo "$name"
        else
            echo "$name is not prepared and skipped; get it: disvae data prepare $name" >&2
        fi
    done
}

# Print LOSS_DATASET,... for all losses of the datasets named.
experiments() {
    local dataset loss names=()
    for dataset in "$@"; do
        for loss in VAE betaH betaB factor btcvae; do
            names+=("${loss}_$dataset")
        done
    done
    (IFS=,; echo "${names[*]}")
}
