"""The examples of docs/extending.md, as a user would put them into files of their own."""

import json
import re
import runpy
import shlex
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.options import user_code
from tests.processes import start_training

GUIDE = Path(__file__).parents[1] / "docs/extending.md"
EXAMPLES = dict(
    re.findall(r"```python\n# (\w+\.py)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
)


@pytest.fixture
def mine(tmp_path, monkeypatch, data_dir):
    """A folder with the files of the guide, as the current one."""
    for name, content in EXAMPLES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISVAE_DATA", str(data_dir))
    return tmp_path


def run(command: str) -> int:
    return main(shlex.split(command))


SMALL = "-b 16 -z 3 --device cpu --no-progress-bar -e 1"


def test_the_guide_has_all_kinds_each_below_40_lines():
    assert {"my_loss.py", "my_model.py", "my_score.py", "my_data.py"} <= EXAMPLES.keys()
    assert all(len(content.splitlines()) < 40 for content in EXAMPLES.values())


def test_a_loss_from_training_to_plots(mine, capsys):
    assert run(f"train first -d dsprites -l my_loss.py:MyLoss --my-weight 3 {SMALL}") == 0
    specs = json.loads(Path("results/first/specs.json").read_text())
    assert specs["loss"] == "my_loss.py:MyLoss"
    assert specs["my_weight"] == 3
    assert len(specs["user_code"]["loss"]["sha256"]) == 64
    tested = json.loads(Path("results/first/test_losses.log").read_text())
    exact = tested["recon_loss"] + tested["kl_loss"] + 3 * tested["size_loss"]
    assert tested["loss"] == pytest.approx(exact, rel=1e-5)
    # scores and plots need the model only
    assert run("eval first --metrics mig,aam") == 0
    assert run("plot first all -r 2 -c 3") == 0
    # test losses ask for the file
    assert run("eval first") == 2
    assert "give its file again: -l my_loss.py:MyLoss" in capsys.readouterr().err
    assert run("eval first -l my_loss.py:MyLoss") == 0
    assert json.loads(Path("results/first/test_losses.log").read_text()) == pytest.approx(tested)
    assert run("train --help -l my_loss.py:MyLoss") == 0
    assert "--my-weight" in capsys.readouterr().out


def test_a_loss_as_an_object_is_the_same_run(mine, monkeypatch):
    assert run(f"train typed -d dsprites -l my_loss.py:MyLoss --my-weight 3 {SMALL}") == 0
    monkeypatch.syspath_prepend(mine)
    from my_loss import MyLoss

    passed = disvae.train(
        "passed", dataset="dsprites", loss=MyLoss(weight=3), batch_size=16, latent_dim=3,
        device="cpu", epochs=1,
    )  # fmt: skip
    typed = disvae.open_run("results/typed")
    assert (typed.path / "model.pt").read_bytes() == (passed.path / "model.pt").read_bytes()
    assert passed.specs["user_code"] == typed.specs["user_code"]
    assert passed.specs["my_weight"] == 3
    by_name = disvae.train(
        "named", dataset="dsprites", loss=disvae.objectives.TCVAE(B=2), batch_size=16,
        latent_dim=3, device="cpu", max_steps=1, no_test=True,
    )  # fmt: skip
    assert (by_name.specs["loss"], by_name.specs["btcvae_B"]) == ("btcvae", 2)
    assert "user_code" not in by_name.specs


def test_a_killed_training_with_a_loss_goes_on_bit_for_bit(mine, data_dir, capsys):
    options = {
        "dataset": "mnist", "loss": f"{mine / 'my_loss.py'}:MyLoss", "my_weight": 2,
        "batch_size": 16, "latent_dim": 3, "epochs": 40, "max_steps": 40,
        "checkpoint_minutes": 1e-6,
        "device": "cpu", "no_progress_bar": True, "no_test": True, "data_dir": data_dir,
        "results_dir": mine / "results",  # processes come from one that has another folder
    }  # fmt: skip
    undisturbed = disvae.train("undisturbed", **options)
    process = start_training("killed", options)
    while process.is_alive() and not Path("results/killed/checkpoint.pt").exists():
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert run("train killed --resume") == 2
    assert "give its file again: -l my_loss.py:MyLoss" in capsys.readouterr().err
    loss = Path("my_loss.py")
    content = loss.read_text()
    loss.write_text(content + "# changed\n")
    assert run("train killed --resume -l my_loss.py:MyLoss") == 2
    assert "was begun with another my_loss.py:MyLoss" in capsys.readouterr().err
    loss.write_text(content)
    assert run("train killed --resume -l my_loss.py:MyLoss") == 0
    for name in ("model.pt", "train_losses.log", "training.gif"):
        assert Path("results/killed", name).read_bytes() == (undisturbed.path / name).read_bytes()


def test_a_loss_in_a_sweep(mine, capsys):
    grid = (
        "dataset=dsprites loss=my_loss.py:MyLoss,VAE my_weight=1,3 max_steps=3 batch_size=16 "
        "latent_dim=2 no_test=true epochs=1 device=cpu"
    )
    axes = " ".join(f"--grid {axis}" for axis in grid.split())
    sweep = f"sweep --name sizes {axes} --metrics mig,my_score.py:best_correlation"
    assert run(sweep) == 0
    folder = Path("results/sizes")
    names = {path.parent.name for path in folder.glob("*/model.pt")}
    assert len(names) == 3  # the VAE has no weight of its own
    weights = {json.loads((folder / n / "specs.json").read_text()).get("my_weight") for n in names}
    assert weights == {1, 3, None}
    # a second call has nothing to do; the file of the sweep itself loads nothing
    assert run(sweep) == 0
    assert run("summary sizes") == 0
    assert "best_correlation" in (folder / "summary.md").read_text()
    for content in (
        '[grid]\nloss = "my_loss.py:MyLoss"',
        'metrics = ["my_score.py:best_correlation"]',
    ):
        Path("sizes.toml").write_text(content)
        capsys.readouterr()
        assert run("sweep sizes.toml") == 2
        assert "loaded only where it is typed" in capsys.readouterr().err


def test_a_score_of_a_run_and_of_codes(mine, capsys):
    assert run(f"train scored -d dsprites -l VAE {SMALL} --no-test") == 0
    assert run("eval scored --metrics mig,my_score.py:best_correlation") == 0
    value = json.loads(Path("results/scored/metrics.log").read_text())["best_correlation"]["value"]
    codes = disvae.open_run("results/scored").encode()
    exact = np.corrcoef(codes.mean.T, codes.factors.T)[:3, 3:]
    assert value == pytest.approx(np.abs(exact).max(0).mean(), rel=1e-4)
    np.savez("codes.npz", mean=codes.mean, factors=codes.factors)
    assert run("score --codes codes.npz --metrics my_score.py:best_correlation") == 0
    assert json.loads(Path("codes.metrics.json").read_text())["best_correlation"]["value"] == value
    assert run("eval scored --metrics my_score.py:worst") == 2
    assert "my_score.py has no worst" in capsys.readouterr().err


def test_a_model_from_training_to_plots(mine, capsys, caplog):
    assert run(f"train second -d mnist -l betaH -m my_model.py:MyModel {SMALL}") == 0
    for command in ("plot second traversals -r 2", "eval second"):
        assert run(command) == 2
        assert "give its file again: -m my_model.py:MyModel" in capsys.readouterr().err
        assert run(f"{command} -m my_model.py:MyModel") == 0
    opened = disvae.open_run("results/second", model_type="my_model.py:MyModel")
    assert opened.model.decode(opened.model.encode(opened.dataset().images([0]) / 255).mean).shape
    Path("my_model.py").write_text(EXAMPLES["my_model.py"] + "# changed\n")
    assert run("plot second traversals -r 2 -m my_model.py:MyModel") == 0
    assert "my_model.py:MyModel is not the file" in caplog.text


def test_a_dataset_is_prepared_once_and_found_without_its_file(mine, capsys):
    assert run(f"train third -d my_data.py:MyDataset -l VAE --max-steps 2 {SMALL}") == 0
    assert run("eval third --metrics mig") == 0
    assert json.loads(Path("results/third/specs.json").read_text())["n_data"] == 1152
    dataset = disvae.open_run("results/third").dataset()
    assert dataset.factor_names == ("row", "column", "side")
    assert run(f"train fourth -d elsewhere.py:MyDataset {SMALL}") == 2
    assert capsys.readouterr().err.count("There is no file elsewhere.py") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x = 1", "my_bad.py has no MyLoss"),
        ("raise RuntimeError('not today')", "cannot be imported (line 1): RuntimeError: not today"),
        ("def broken(:", "cannot be imported"),
        ("import sys; sys.exit(3)", "cannot be imported (line 1): SystemExit"),
        ("MyLoss = 3", "my_bad.py:MyLoss is no loss"),
        ("class MyLoss: pass", "my_bad.py:MyLoss is no loss"),
        (
            "from disvae.objectives import BetaVAE\n"
            "class MyLoss(BetaVAE):\n    prefix = 'btcvae'\n    B: float = 3",
            "has the option 'btcvae_B', which is taken",
        ),
        (
            "from disvae.objectives import BetaVAE\nclass MyLoss(BetaVAE):\n    own: float",
            "The option own of the loss MyLoss has no default",
        ),
    ],
)
def test_a_bad_file_is_one_sentence(mine, content, said, capsys):
    Path("my_bad.py").write_text(content)
    assert run("train bad -d dsprites -l my_bad.py:MyLoss") == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1
    assert not Path("results").exists()


def test_what_is_brought_in_python_is_checked(mine):
    with pytest.raises(UserError, match="is no loss"):
        disvae.train("x", loss=3)
    with pytest.raises(UserError, match="is no model"):
        disvae.train("x", dataset="dsprites", model_type=object())
    with pytest.raises(UserError, match="is no dataset"):
        disvae.train("x", dataset=object())


def test_a_file_is_imported_once_until_it_changes(mine):
    Path("counted.py").write_text("import pathlib\npathlib.Path('count').open('a').write('x')\nA=1")
    assert user_code.load("counted.py:A").value == user_code.load("counted.py:A").value == 1
    assert Path("count").read_text() == "x"


def test_the_guides_own_test_passes(mine, monkeypatch):
    monkeypatch.syspath_prepend(mine)
    (mine / "folder").mkdir()
    runpy.run_path("test_mine.py")["test_my_loss"](mine / "folder")
