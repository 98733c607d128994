"""Run folders: what they hold, how they are kept, what damage they tell."""

import json
import zipfile

import pytest
import torch
from PIL import Image

import disvae
from disvae.errors import UserError
from disvae.options import Options
from disvae.run_folder import create_run, run_path


def test_a_finished_run_holds_what_is_documented(trained):
    names = {path.name for path in trained.path.iterdir()}
    assert names == {
        "specs.json", "model.pt", "model-1.pt", "model-2.pt", "train_losses.log",
        "test_losses.log", "training.gif",
    }  # fmt: skip
    specs = json.loads((trained.path / "specs.json").read_text())
    assert set(Options.model_fields) <= set(specs)
    assert specs["img_size"] == [1, 32, 32]
    assert specs["n_data"] == 100
    assert specs["given"]["loss"] == "btcvae"
    assert specs["versions"]["disvae"] == disvae.__version__
    with Image.open(trained.path / "training.gif") as film:
        assert film.n_frames == 2
        assert film.size == (10 * 34 + 2, 4 * 34 + 2)


def test_weights_are_plain_tensors_by_their_published_names(trained):
    last = torch.load(trained.path / "model.pt", weights_only=True)
    assert list(last) == list(disvae.VAE((1, 32, 32), 4).state_dict())
    assert all(value.device.type == "cpu" and value.is_contiguous() for value in last.values())
    checkpoint = torch.load(trained.path / "model-2.pt", weights_only=True)
    assert all(torch.equal(last[name], checkpoint[name]) for name in last)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("VAE_mnist", (1, 32, 32)), ("factor_mnist", (1, 32, 32)),
     ("btcvae_dsprites", (1, 64, 64)), ("betaH_celeba", (3, 64, 64))],
)  # fmt: skip
def test_published_runs_open(shared, name, shape):
    run = disvae.open_run(shared / "reference/legacy-runs" / name)
    assert run.name == name
    assert f"{run.options.loss}_{run.options.dataset}" == name
    assert run.model.decode(torch.zeros(1, 10)).shape == (1, *shape)
    assert len(run.losses["kl_loss"]) == run.options.epochs
    assert run.background == ("white" if "celeba" in name else "black")


@pytest.fixture
def copy(trained, tmp_path):
    import shutil

    return disvae.open_run(shutil.copytree(trained.path, tmp_path / "results" / "copy"))


@pytest.mark.parametrize("damage", ["cut", "text", "pickle", "shapes", "missing key", "gone"])
def test_a_bad_model_is_one_sentence(copy, damage):
    path = copy.path / "model.pt"
    state = torch.load(path, weights_only=True)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "text":
        path.write_text("weights")
    elif damage == "pickle":
        torch.save({"encoder": disvae.VAE}, path)
    elif damage == "shapes":
        torch.save(disvae.VAE((1, 64, 64), 4).state_dict(), path)
    elif damage == "missing key":
        state.pop("encoder.conv1.bias")
        torch.save(state, path)
    else:
        path.unlink()
    with pytest.raises(UserError, match=r"model\.pt") as fault:
        _ = copy.model
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("not json", "is damaged"),
        ({"latent_dim": "many"}, "--latent-dim"),
        ({"latent_dim": 10**9}, "--latent-dim"),
        ({"img_size": None}, "img_size should be"),
    ],
)
def test_bad_specs_are_one_sentence(copy, change, said):
    path = copy.path / "specs.json"
    text = change if isinstance(change, str) else json.dumps({**copy.specs, **change})
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        _ = disvae.open_run(copy.path).model


def test_a_damaged_log_is_one_sentence(copy):
    (copy.path / "train_losses.log").write_text("Epoch,Loss,Value\n0,loss,much\n")
    with pytest.raises(UserError, match=r"train_losses.log is damaged"):
        _ = copy.losses


def test_an_old_run_is_kept_as_a_zip_and_no_archive_is_overwritten(tmp_path):
    options = Options()
    for number in range(3):
        run = create_run(tmp_path / "run", options, {}, {"img_size": [1, 32, 32]})
        (run.path / "note.txt").write_text(str(number))
    archives = sorted(tmp_path.glob("run.*.zip"))
    assert len(archives) == 2
    notes = {zipfile.ZipFile(archive).read("run/note.txt") for archive in archives}
    assert notes == {b"0", b"1"}
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["run"]


def test_a_file_in_the_place_of_the_run_is_left_alone(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UserError, match="is a file where the run's folder should be"):
        create_run(tmp_path / "run", Options(), {}, {})
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("name", ["a", "btcvae_dsprites", "A=1, B=2", "x.1", "größe"])
def test_good_names(tmp_path, name):
    assert run_path(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc", "a\\b", ".hidden", "x" * 101, "a\n", "a ", "🙂", "a\0"]
)
def test_bad_names(tmp_path, name):
    with pytest.raises(UserError, match="cannot be the name of a run"):
        run_path(tmp_path, name)
