"""Images held out: by the dataset's authors, or by --train-fraction."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import disvae
from disvae.cli import main
from disvae.data.dataset import Dataset
from disvae.data.prepare import load_dataset
from disvae.data.store import read_manifest
from disvae.errors import UserError
from tests.conftest import N_SPRITES, blobs


def held_out(root, fraction, seed=1234):
    return [
        load_dataset("dsprites", root, split=split, train_fraction=fraction, seed=seed)
        for split in ("train", "test")
    ]


def indices(dataset):
    return np.ravel_multi_index(tuple(dataset.factors.T), dataset.factor_sizes)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.98), st.integers(0, 2**32 - 1))
def test_train_and_test_share_no_image_and_miss_none(data_dir, fraction, seed):
    train, test = held_out(data_dir, fraction, seed)
    assert len(train) == round(N_SPRITES * fraction)
    both = np.concatenate([indices(train), indices(test)])
    np.testing.assert_array_equal(np.sort(both), np.arange(N_SPRITES))


def test_images_go_with_their_factors(data_dir):
    whole = load_dataset("dsprites", data_dir)
    for part in held_out(data_dir, 0.7):
        where = indices(part)
        np.testing.assert_array_equal(part.factors, whole.factors[where])
        assert (part.images(slice(None)) == whole.images(where)).all()
        assert (part.images([-1, 0]) == whole.images(where[[-1, 0]])).all()
        with pytest.raises(UserError, match=f"has the images 0 to {len(part) - 1}"):
            part.images([len(part)])


def test_the_seed_draws(data_dir):
    assert (indices(held_out(data_dir, 0.5)[0]) == indices(held_out(data_dir, 0.5)[0])).all()
    assert (indices(held_out(data_dir, 0.5)[0]) != indices(held_out(data_dir, 0.5, 2)[0])).any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "test"}, "has no split 'test' of its own; hold images out"),
        ({"split": "all"}, "There is no split 'all'; choose among train"),
        ({"split": "all", "train_fraction": 0.5}, "There is no split 'all'; choose train or test"),
        ({"train_fraction": 0}, r"should lie in \(0, 1\]"),
        ({"train_fraction": 1.1}, r"should lie in \(0, 1\]"),
        ({"train_fraction": float("nan")}, r"should lie in \(0, 1\]"),
        ({"train_fraction": 0.001}, "into 0 and 96; both should be at least 1"),
        ({"train_fraction": 0.999}, "into 96 and 0; both should be at least 1"),
    ],
)
def test_what_cannot_be_divided_is_one_sentence(data_dir, options, said):
    with pytest.raises(UserError, match=said):
        load_dataset("dsprites", data_dir, **options)


def test_a_dataset_that_is_divided_already_is_not_divided_again(data_dir):
    folder = data_dir / "mnist"
    manifest = read_manifest(folder).model_copy(update={"splits": {"train": 70, "test": 30}})
    with pytest.raises(UserError, match="has the splits train, test already; leave"):
        Dataset(folder, manifest, "train", 0.5)


ARGUMENTS = ["-d", "dsprites", "-l", "VAE", "-e", "1", "-z", "2", "--device", "cpu"]


@pytest.fixture
def places(data_dir, tmp_path):
    return ["--data-dir", str(data_dir), "--results-dir", str(tmp_path)]


def logged(path):
    return json.loads((path / "test_losses.log").read_bytes())


def test_test_losses_are_those_of_the_images_held_out(places, tmp_path, data_dir):
    chosen = ["--train-fraction", "0.75", "--split", "test", "--seed", "7"]
    assert main(["train", "x", *ARGUMENTS, *chosen, *places]) == 0
    run = disvae.open_run(tmp_path / "x")
    assert run.specs["n_data"] == 72
    assert len(run.dataset()) == 72
    assert len(run.dataset(split="test")) == 24
    assert not set(indices(run.dataset())) & set(indices(run.dataset(split="test")))
    unseen = logged(run.path)
    assert main(["eval", "x", *places]) == 0
    seen = logged(run.path)
    assert main(["eval", "x", "--split", "test", *places]) == 0
    assert logged(run.path) == pytest.approx(unseen, rel=1e-5)
    assert seen != pytest.approx(unseen, rel=1e-5)


def test_own_images_that_were_changed_since_are_not_divided_anew(tmp_path, capsys):
    places = ["--data-dir", str(tmp_path / "data"), "--results-dir", str(tmp_path)]
    images = blobs(20, 32)
    np.savez(tmp_path / "own.npz", images=images[:, 0])
    chosen = ["-d", str(tmp_path / "own.npz"), "--train-fraction", "0.5", "--image-size", "32"]
    assert main(["train", "x", *ARGUMENTS[2:], *chosen, *places]) == 0
    assert main(["eval", "x", "--split", "test", *places]) == 0
    before = logged(tmp_path / "x")
    np.savez(tmp_path / "own.npz", images=images[:16, 0])
    assert main(["eval", "x", "--split", "test", *places]) == 0  # the prepared ones are there still
    assert logged(tmp_path / "x") == before
    shutil.rmtree(tmp_path / "data/own")
    capsys.readouterr()
    assert main(["eval", "x", "--split", "test", *places]) == 2
    assert "are not prepared here" in capsys.readouterr().err


def test_without_a_seed_the_run_still_knows_what_it_saw(places, tmp_path):
    assert main(["train", "x", *ARGUMENTS, "--train-fraction", "0.5", "-s", "None", *places]) == 0
    run = disvae.open_run(tmp_path / "x")
    drawn = load_dataset("dsprites", places[1], train_fraction=0.5, seed=run.specs["used"]["seed"])
    assert (indices(run.dataset()) == indices(drawn)).all()


def test_a_split_that_is_not_there_is_refused_before_training(places, tmp_path, capsys):
    assert main(["train", "x", *ARGUMENTS, "--split", "test", *places]) == 2
    assert "has no split 'test' of its own" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
