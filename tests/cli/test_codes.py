"""The commands between images and codes, and their like in Python."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import disvae
from disvae.cli import main


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    """A run on the small `dsprites`, of which a fourth is held out."""
    return disvae.train(
        "run", dataset="dsprites", loss="VAE", max_steps=2, batch_size=16, latent_dim=3,
        train_fraction=0.75, no_test=True, device="cpu", data_dir=data_dir,
        results_dir=tmp_path_factory.mktemp("results"),
    )  # fmt: skip


def typed(run, *words):
    return main([*words, "--results-dir", str(run.path.parent), "--device", "cpu"])


@pytest.mark.parametrize("split", ["train", "test"])
def test_encode_writes_what_score_reads(run, tmp_path, split, capsys):
    out = tmp_path / "codes.npz"
    assert typed(run, "encode", "run", str(out), "--split", split) == 0
    dataset = run.dataset(split=split)
    assert capsys.readouterr().out == f"The codes of {len(dataset)} images are in {out}\n"
    with np.load(out) as codes:
        assert sorted(codes) == ["factor_names", "factors", "indices", "logvar", "mean"]
        whole = disvae.load_dataset("dsprites", run.options.data_dir)
        np.testing.assert_array_equal(codes["factors"], whole.factors[codes["indices"]])
        images = whole.images(codes["indices"]) / 255
        with torch.inference_mode():
            posterior = run.model.encode(images)
        np.testing.assert_allclose(codes["mean"], posterior.mean, atol=1e-5)
        np.testing.assert_allclose(codes["logvar"], posterior.logvar, atol=1e-5)
    assert main(["score", "--codes", str(out), "--metrics", "mig"]) == 0
    scored = json.loads((tmp_path / "codes.metrics.json").read_text())
    assert scored["mig"]["settings"]["factors"] == list(whole.factor_names)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_decode_draws_the_codes_in_their_order(run, tmp_path, suffix):
    means = np.random.default_rng(0).standard_normal((5, 3))
    np.savez(tmp_path / "codes.npz", mean=means)
    out = tmp_path / f"out.{suffix}"
    assert typed(run, "decode", "run", str(tmp_path / "codes.npz"), str(out), "-c", "3") == 0
    images = run.decode(means)
    assert images.shape == (5, 1, 64, 64)
    with torch.inference_mode():
        exact = run.model.decode(torch.from_numpy(means).float())
    np.testing.assert_allclose(images, exact, atol=1e-6)
    if suffix == "png":
        pixels = np.asarray(Image.open(out))
        assert pixels.shape == (2 * 66 + 2, 3 * 66 + 2)
        for number, image in enumerate(images):
            top, left = (2 + 66 * place for place in divmod(number, 3))
            shown = pixels[top : top + 64, left : left + 64]
            np.testing.assert_array_equal(shown, np.rint(image[0] * 255))
        assert (pixels[68:132, 134:198] == 255).all()  # no sixth image
    else:
        assert out.read_text().startswith("<?xml")


def test_one_row_of_many_is_decoded(run, tmp_path):
    means = np.random.default_rng(0).standard_normal((7, 3))
    np.savez(tmp_path / "codes.npz", mean=means)
    np.savez(tmp_path / "one.npz", mean=means[4:5])
    for name, rows in (("codes", ["-i", "4"]), ("one", [])):
        words = ["decode", "run", str(tmp_path / f"{name}.npz"), str(tmp_path / f"{name}.png")]
        assert typed(run, *words, *rows) == 0
    pictures = [(tmp_path / f"{name}.png").read_bytes() for name in ("codes", "one")]
    assert pictures[0] == pictures[1]


def test_encode_and_decode_in_python_are_each_other_s_input(run):
    codes = run.encode(split="test")
    assert codes.mean.shape == (24, 3)
    np.testing.assert_array_equal(run.decode(codes), run.decode(codes.mean))
    some = run.encode(indices=[5, 2])
    np.testing.assert_allclose(some.mean, run.encode().mean[[5, 2]], atol=1e-6)
    assert disvae.plots.decoded(run, codes.mean, n_cols=6).size == (6 * 66 + 2, 4 * 66 + 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["encode", "run", "codes.txt"], "Codes go into an .npz file, but codes.txt is none"),
        (["encode", "nobody", "codes.npz"], "There is no run in"),
        (["decode", "run", "gone.npz", "a.png"], "There is no file gone.npz"),
        (["decode", "run", "c.npz", "a.jpg"], "is a .png, .pdf or .svg file, but a.jpg is none"),
        (["decode", "run", "c.npz", "a.png", "-i", "2"], "has the rows 0 to 1, not 2"),
        (["decode", "run", "wide.npz", "a.png"], "has 3 latents, but the codes have 4"),
        (["decode", "run", "nan.npz", "a.png"], "NaN, infinite or absurdly large"),
        (["decode", "run", "many.npz", "a.png"], "at most 100,000,000 can be drawn"),
    ],
)
def test_what_cannot_be_is_one_sentence(run, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run.path, tmp_path / "results/run")
    arrays = {"c": np.zeros((2, 3)), "wide": np.zeros((2, 4)), "nan": np.full((2, 3), np.nan),
              "many": np.zeros((30_000, 3))}  # fmt: skip
    for name, mean in arrays.items():
        np.savez(f"{name}.npz", mean=mean)
    before = sorted(tmp_path.rglob("*"))
    assert main([*words, "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
