"""The scripts in bin/ work from any folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(__file__).parents[2] / "bin"
SHORT = [word for axis in ("epochs=1", "max_steps=2", "batch_size=8", "no_test=true", "device=cpu")
         for word in ("--grid", axis)]  # fmt: skip

pytestmark = pytest.mark.skipif(
    shutil.which("bash") is None or not BIN.is_dir(), reason="needs bash and a checkout"
)


def call(script, folder, data_dir, *arguments):
    environment = {
        **os.environ,
        "DISVAE_DATA": str(data_dir),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        [BIN / script, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_mutual_information_is_varied_on_what_is_prepared(tmp_path, data_dir):
    done = call("train_mutual_info.sh", tmp_path, data_dir, *SHORT)
    assert done.returncode == 0, done.stderr
    assert "celeba is not prepared and skipped" in done.stderr
    runs = sorted(path.parent.name for path in tmp_path.glob("results/mutual_info/*/model.pt"))
    assert runs == sorted(f"btcvae_dsprites-btcvae_A={a}" for a in (-5, -1, 0, 1, 5))


def test_datasets_are_looked_for_where_the_call_says(tmp_path, data_dir):
    nothing = tmp_path / "nothing"
    for where in (["--data-dir", str(data_dir)], [f"--data-dir={data_dir}"]):
        done = call("train_mutual_info.sh", tmp_path, nothing, *where, "--seeds", "0")
        assert "dsprites is not prepared" not in done.stderr
        assert "seeds" in done.stderr  # which `disvae sweep` refuses
    assert "dsprites is not prepared" in call("train_mutual_info.sh", tmp_path, nothing).stderr


def test_all_experiments_are_trained_and_scored(tmp_path, data_dir):
    only_digits = tmp_path / "data"
    only_digits.mkdir()
    shutil.copytree(data_dir / "mnist", only_digits / "mnist")
    done = call("train_all.sh", tmp_path, only_digits, *SHORT)
    assert done.returncode == 0, done.stderr
    runs = sorted(path.parent.name for path in tmp_path.glob("results/*/model.pt"))
    assert runs == sorted(f"{loss}_mnist" for loss in ("VAE", "betaH", "betaB", "factor", "btcvae"))
    specs = [json.loads(path.read_text()) for path in tmp_path.glob("results/*/specs.json")]
    assert [(run["seed"], run["experiment"]) for run in specs] == [
        (1234, run["name"]) for run in specs
    ]
    for name in runs[2:]:  # each of the others takes the start of a program
        shutil.rmtree(tmp_path / "results" / name)
    done = call("metrics_all.sh", tmp_path, only_digits)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("results/*/metrics.log"))) == 2
