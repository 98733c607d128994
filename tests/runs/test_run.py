"""Run folders: what they hold, how they are kept, what damage they tell."""

import json
import os
import stat
import zipfile

import pytest
import torch
from PIL import Image

import disvae
from disvae.errors import UserError
from disvae.options import Options
from disvae.runs import folder as run_folder
from disvae.runs.folder import create_run, run_path


def test_a_finished_run_holds_what_is_documented(trained):
    names = {path.name for path in trained.path.iterdir()}
    assert names == {
        "specs.json", "model.pt", "model-1.pt", "model-2.pt", "train_losses.log",
        "test_losses.log", "training.gif", "checkpoint-end.pt",
    }  # fmt: skip
    specs = json.loads((trained.path / "specs.json").read_text())
    assert set(Options.model_fields) - trained.options.of_other_losses() <= set(specs)
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
    with pytest.raises(UserError, match="is no folder of a run"):
        create_run(tmp_path / "run", Options(), {}, {})
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("kind", ["sweep", "pictures", "link"])
def test_a_folder_that_is_no_run_is_left_alone(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "link":
        create_run(tmp_path / "elsewhere/run", Options(), {}, {})
        path.symlink_to(tmp_path / "elsewhere/run")
    else:
        path.mkdir()
        (path / ("sweep.json" if kind == "sweep" else "a.png")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="is no folder of a run"):
        create_run(path, Options(), {}, {})
    assert sorted(tmp_path.rglob("*")) == before


def test_dates_that_zip_files_do_not_know_are_no_hindrance(tmp_path):
    """As of a machine whose clock began in 1970."""
    run = create_run(tmp_path / "run", Options(), {}, {})
    (run.path / "note.txt").write_text("old")
    os.utime(run.path / "note.txt", (0, 0))
    create_run(tmp_path / "run", Options(), {}, {})
    (archive,) = tmp_path.glob("run.*.zip")
    assert zipfile.ZipFile(archive).read("run/note.txt") == b"old"


def test_names_that_are_no_text_are_archived_too(tmp_path):
    run = tmp_path / "run"
    create_run(run, Options(), {}, {})
    strange = os.fsencode(run) + b"/\xff\xfe.txt"
    with open(strange, "wb") as file:  # noqa: PTH123
        file.write(b"mine")
    create_run(run, Options(), {}, {})
    (archive,) = tmp_path.glob("run.*.zip")
    with zipfile.ZipFile(archive) as packed:
        assert packed.read(r"run/\xff\xfe.txt") == b"mine"
    assert not os.path.exists(strange)  # noqa: PTH110


def test_links_in_an_old_run_are_archived_as_links(tmp_path):
    run = create_run(tmp_path / "run", Options(), {}, {})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    (run.path / "nowhere").symlink_to("gone")
    (run.path / "plots").symlink_to(elsewhere)
    create_run(tmp_path / "run", Options(), {}, {})
    (archive,) = tmp_path.glob("run.*.zip")
    with zipfile.ZipFile(archive) as packed:
        assert packed.read("run/nowhere") == b"gone"
        assert packed.read("run/plots") == os.fsencode(elsewhere)
        assert stat.S_ISLNK(packed.getinfo("run/plots").external_attr >> 16)
    assert (elsewhere / "mine").read_text() == "mine"


def test_what_comes_in_while_a_run_is_archived_is_archived_too(tmp_path, monkeypatch):
    run = create_run(tmp_path / "run", Options(), {}, {})
    pack, late = run_folder._pack, ["late.png"]

    def pack_and_draw(path, packed):
        pack(path, packed)
        if late:
            (path / late.pop()).write_text("drawn meanwhile")

    monkeypatch.setattr(run_folder, "_pack", pack_and_draw)
    create_run(run.path, Options(), {}, {})
    (archive,) = tmp_path.glob("run.*.zip")
    assert zipfile.ZipFile(archive).read("run/late.png") == b"drawn meanwhile"


def test_archives_of_one_second_or_of_a_clock_set_back_are_all_kept(tmp_path, monkeypatch):
    stamps = iter(["20260102-000000", "20260102-000000", "20250101-000000", "20260102-000000"])
    monkeypatch.setattr(run_folder.time, "strftime", lambda _: next(stamps))
    for number in range(5):
        run = create_run(tmp_path / "run", Options(), {}, {})
        (run.path / "note.txt").write_text(str(number))
    archives = sorted(tmp_path.glob("run.*.zip"))
    notes = {zipfile.ZipFile(archive).read("run/note.txt") for archive in archives}
    assert notes == {b"0", b"1", b"2", b"3"}


@pytest.mark.parametrize("name", ["a", "btcvae_dsprites", "A=1, B=2", "x.1", "größe"])
def test_good_names(tmp_path, name):
    assert run_path(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc", "a\\b", ".hidden", "x" * 101, "a\n", "a ", "🙂", "a\0"]
)
def test_bad_names(tmp_path, name):
    with pytest.raises(UserError, match="cannot be the name of a run"):
        run_path(tmp_path, name)
