#!/usr/bin/env bash
# Build the release and check it: names of versions, contents, description, and the wheel with the
# lowest versions of its dependencies' ranges. The distributions stay in dist/; nothing is uploaded.
#
#     bin/release_check.sh [NAME==VERSION ...]    # versions to take instead of the lowest
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

version=$($python -c 'import disvae; print(disvae.__version__)')
grep -q "^## $version" CHANGELOG.md || { echo "CHANGELOG.md has no section $version"; exit 1; }

rm -rf dist
$python -m build --quiet
$python -m twine check --strict dist/*
$python - "dist/disvae-$version" <<'CHECK'
import sys, tarfile, zipfile
from email.parser import Parser
from pathlib import Path

base = sys.argv[1]
wheel, sdist = zipfile.ZipFile(f"{base}-py3-none-any.whl"), tarfile.open(f"{base}.tar.gz")
sources = {p.relative_to("src").as_posix() for p in Path("src/disvae").rglob("*") if p.is_file()}
sources = {name for name in sources if "__pycache__" not in name}
about = f"disvae-{base.rpartition('-')[2]}.dist-info/"
extra = {name for name in wheel.namelist() if not name.startswith(about)} ^ sources
assert not extra, f"the wheel and src differ in {sorted(extra)}"
metadata = Parser().parsestr(wheel.read(about + "METADATA").decode())
assert metadata["License-Expression"] == "MIT"
assert wheel.read(about + "licenses/LICENSE") == Path("LICENSE").read_bytes()
inside = {name.partition("/")[2] for name in sdist.getnames()}
needed = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"}
needed |= {f"src/{name}" for name in sources}
assert needed <= inside, f"the source distribution lacks {sorted(needed - inside)}"
print(f"{len(sources)} files in the wheel, {len(inside)} in the source distribution, MIT")
CHECK

outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
$python bin/lowest.py "$@" >"$outside/lowest.txt"
$python -m venv "$outside/venv"
"$outside/venv/bin/python" -m pip install --quiet --constraint "$outside/lowest.txt" \
    "dist/disvae-$version-py3-none-any.whl"
cd "$outside"
venv/bin/python -m pip list --format freeze
venv/bin/disvae --version
venv/bin/disvae losses >/dev/null
venv/bin/python - <<'SMOKE'
import numpy as np
import disvae

factors = np.array([(row, column) for row in range(24) for column in range(24)])
images = np.zeros((len(factors), 32, 32), np.uint8)
for image, (row, column) in zip(images, factors):
    image[row : row + 6, column : column + 6] = 255
np.savez("squares.npz", images=images, factors=factors, factor_names=["row", "column"])
common = dict(dataset="squares.npz", image_size=32, max_steps=20, no_progress_bar=True)
for loss in ("btcvae", "factor", "control"):
    run = disvae.train(loss, loss=loss, **common)
few = {"num_train": 100, "num_test": 100}
scores = disvae.metrics.evaluate(run, "all", settings={"dci": few, "sap": few})
assert len(scores) > 15 and all(np.isfinite(s["value"]) for s in scores.values() if type(s) is dict)
disvae.plots.traversals(run, n_rows=3)
disvae.plots.losses(run)
print(f"{len(scores)} scores, plots and three losses work")
SMOKE
venv/bin/disvae train btcvae --resume
venv/bin/disvae plot control all -r 4 -s 1 >/dev/null
venv/bin/disvae explore control --export page.html --images 4
venv/bin/disvae sweep --name few --grid loss=VAE,betaH --grid dataset=squares.npz \
    --grid image_size=32 --grid max_steps=5 --metrics mig --processes 1
venv/bin/disvae summary few >/dev/null
echo "disvae $version is ready: dist/"
