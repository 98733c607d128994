# Sourced by the scripts here: finds the command, and which datasets are prepared.

disvae=$(command -v "$(dirname "${BASH_SOURCE[0]}")/../.venv/bin/disvae" || command -v disvae) \
    || { echo "There is no disvae; install it first: make setup" >&2; exit 1; }

# Print the prepared ones of the datasets named after `--`; name the others on the error output.
# Before it come the options of the call, of which --data-dir says where to look.
prepared() {
    local list name where=()
    while [ "$1" != -- ]; do
        case $1 in
            --data-dir) where=(--data-dir "$2") ;;
            --data-dir=*) where=("$1") ;;
        esac
        shift
    done
    shift
    list=$("$disvae" data list ${where[@]+"${where[@]}"})
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
