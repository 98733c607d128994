"""Runs from the internet: each file is read, or refused in one sentence; nothing else happens.

`make fuzz` tries many more files than the suite, here and in the tests beside this one.
"""

import contextlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import disvae
from disvae.data.own.folder import ImageFolder
from disvae.errors import UserError
from disvae.options import Options, resolve
from disvae.runs.folder import run_path
from tests.hostile.inputs import JSON, damaged, refused_or_read, resume

pytestmark = pytest.mark.usefixtures("nothing_outside")
FIELDS = st.sampled_from([*Options.model_fields, "img_size", "n_data", "background", "used"])


@given(st.dictionaries(FIELDS, JSON, max_size=3) | JSON)
def test_specs(run, change):
    file = run / "specs.json"
    before = file.read_bytes()
    try:
        content = {**json.loads(before), **change} if isinstance(change, dict) else change
        file.write_text(json.dumps(content))

        def read():
            opened = disvae.open_run(run)
            _ = opened.image_shape, opened.background, opened.losses
            if opened.options.latent_dim < 10 and max(opened.image_shape) < 100:
                _ = opened.model

        refused_or_read(read)
    finally:
        file.write_bytes(before)


@given(data=st.data())
@pytest.mark.parametrize("name", ["specs.json", "train_losses.log", "metrics.log", "model.pt"])
def test_damaged_files_of_a_run(run, name, data):
    file = run / name
    before = file.read_bytes() if file.exists() else b'{"MIG": 0.5}'
    try:
        file.write_bytes(data.draw(damaged(before)))

        def read():
            opened = disvae.open_run(run)
            _ = opened.losses, opened.metrics
            if name in ("specs.json", "model.pt"):
                _ = opened.model

        refused_or_read(read)
    finally:
        file.write_bytes(before)


def test_specs_cannot_name_a_folder_to_write_to(run, trained, tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.mkdir()
    monkeypatch.setenv("DISVAE_DATA", str(trained.options.data_dir))
    file = run / "specs.json"
    before = file.read_bytes()
    try:
        specs = {"data_dir": str(victim), "results_dir": str(victim)}
        file.write_text(json.dumps({**json.loads(before), **specs}))
        assert len(disvae.open_run(run).dataset()) == trained.specs["n_data"]
        (run / "checkpoint.pt").write_bytes(b"so that the run is not finished")
        with pytest.raises(UserError, match=r"checkpoint\.pt is damaged"):
            resume(disvae.open_run(run))
    finally:
        file.write_bytes(before)
        (run / "checkpoint.pt").unlink(missing_ok=True)
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize("kind", ["a folder", "an archive", "/", "", ".", "~", "a pipe"])
def test_folders_that_specs_name_are_not_looked_into(trained, tmp_path, monkeypatch, kind):
    place = tmp_path / "theirs"
    if kind == "a pipe":
        os.mkfifo(place := tmp_path / "theirs.npz")
    elif kind == "an archive":
        place = tmp_path / "theirs.npz"
        np.savez(place, images=np.zeros((4, 32, 32), np.uint8))
    else:
        place.mkdir()
        Image.new("L", (32, 32)).save(place / "1.png")
    run = shutil.copytree(trained.path, tmp_path / "run")
    named = str(place) if kind.startswith("a") else kind
    specs = {**json.loads((run / "specs.json").read_text()), "dataset": named}
    (run / "specs.json").write_text(json.dumps(specs))
    walked = []
    monkeypatch.setattr(os, "walk", lambda *_, **__: walked.append(1) or iter(()))
    monkeypatch.setattr(ImageFolder, "fingerprint", lambda _: pytest.fail("looked into"))
    opened = disvae.open_run(run)
    for root in (None, tmp_path / "data"):
        with pytest.raises(UserError, match="not prepared here"):
            opened.dataset(root)
        assert opened.prepared_dataset(root) is None
    assert walked == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["specs.json", "train_losses.log", "metrics.log"])
def test_brackets_without_end_are_refused(run, name):
    file = run / name
    before = file.read_bytes() if file.exists() else None
    try:
        file.write_bytes(b"[" * 100_000)
        with pytest.raises(UserError, match=name):
            opened = disvae.open_run(run)
            _ = opened.losses, opened.metrics
    finally:
        file.write_bytes(before) if before is not None else file.unlink()


NAMES = st.text(max_size=300) | st.sampled_from(["../x", "/x", "a/../../x", "..", "🙂", "x" * 300])


@given(NAMES)
def test_no_name_of_a_run_leads_out_of_the_results(name):
    refused_or_read(lambda: run_path(Path("results"), name))
    with contextlib.suppress(UserError):
        path = run_path(Path("results"), name)
        assert path.resolve().parent == Path("results").resolve()


@given(st.sampled_from(list(Options.model_fields)), st.text(max_size=12) | JSON)
def test_any_value_of_an_option(option, value):
    refused_or_read(lambda: resolve({option: value}))


@pytest.mark.parametrize(
    "change",
    [{"latent_dim": 10**9}, {"img_size": [1, 10**9, 10**9]}, {"img_size": [10**9, 64, 64]},
     {"latent_dim": -1}, {"dataset": 10**400}],
    ids=str,
)  # fmt: skip
def test_absurd_sizes_are_refused_before_memory_is_taken(run, change):
    file = run / "specs.json"
    before = file.read_bytes()
    try:
        file.write_text(json.dumps({**json.loads(before), **change}))
        with pytest.raises(UserError):
            _ = disvae.open_run(run).model
    finally:
        file.write_bytes(before)


def test_values_of_experiments_are_never_evaluated(tmp_path):
    target = tmp_path / "owned"
    code = f"__import__('os').mkdir({str(target)!r})"
    for option in ("lr", "epochs", "dataset", "rec_dist", "experiment"):
        with pytest.raises(UserError):
            disvae.train("x", **{"results_dir": tmp_path, option: code})
    assert not target.exists()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"img_size": [True, 64, 64]}, "img_size should be"),
        ({"img_size": [1, 64.0, 64]}, "img_size should be"),
        ({"img_size": [0, 64, 64]}, "img_size should be"),
        ({"used": {"seed": -1}, "train_fraction": 0.5}, "the seed in 'used'"),
        ({"used": {"seed": True}, "train_fraction": 0.5}, "the seed in 'used'"),
        ({"used": {"seed": "1"}, "train_fraction": 0.5}, "the seed in 'used'"),
    ],
)
def test_facts_of_the_wrong_type_are_refused(trained, tmp_path, changed, why):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    (run.path / "specs.json").write_text(json.dumps({**run.specs, **changed}))
    with pytest.raises(UserError, match=why):
        opened = disvae.open_run(run.path)
        _ = opened.image_shape, opened.dataset(trained.options.data_dir)


FILES = {
    "specs.json": disvae.open_run,
    "metrics.log": lambda path: disvae.open_run(path).metrics,
    "train_losses.log": lambda path: disvae.open_run(path).losses,
    "train_metrics.log": lambda path: disvae.open_run(path).training_scores,
    "model.pt": lambda path: disvae.open_run(path).model,
}


@pytest.mark.parametrize("name", FILES)
def test_gigabytes_of_nothing_are_refused_unread(trained, tmp_path, name):
    run = shutil.copytree(trained.path, tmp_path / "run")
    with (run / name).open("wb") as file:
        file.truncate(2**32)  # takes no room on the disk
    with pytest.raises(UserError, match=rf"{name} has 4,294,967,296 bytes, but .* are the most"):
        FILES[name](run)


@pytest.mark.parametrize("name", list(FILES)[1:])
def test_pipes_are_not_waited_for(trained, tmp_path, name):
    run = shutil.copytree(trained.path, tmp_path / "run")
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    with pytest.raises(UserError, match=rf"{name} is no regular file"):
        FILES[name](run)


def test_names_of_tensors_are_cut_in_messages(trained, tmp_path):
    run = shutil.copytree(trained.path, tmp_path / "run")
    torch.save({"x" * 10**6: torch.zeros(1)}, run / "model.pt")
    with pytest.raises(UserError, match="is not the weights of this run") as said:
        _ = disvae.open_run(run).model
    assert len(str(said.value)) < 1000
