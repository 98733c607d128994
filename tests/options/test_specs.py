"""specs.json against that of the first release: every key, every default, every form."""

import json
from pathlib import Path

import numpy as np

import disvae

BEFORE = Path(__file__).with_name("specs.json")
ADDED = {
    "metrics": ["mig", "aam"], "metrics_every": None, "metrics_images": None, "test_images": None,
    "reg_schedule": "linear", "correlate": None, "hold_out": None, "fit": "stretch",
    "lr_schedule": "constant", "lr_warmup": 0, "val_fraction": 0, "patience": None,
    "no_extend": False, "tracker": [],
}  # fmt: skip


def test_specs_are_those_of_before(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (12, 32, 32), np.uint8)
    np.savez(tmp_path / "twelve.npz", images=images)
    run = disvae.train(
        "run", dataset=str(tmp_path / "twelve.npz"), image_size=32, loss="factor", lr_disc=1e-4,
        batch_size=3, epochs=1, max_steps=1, no_test=True, device="cpu", results_dir=tmp_path,
        data_dir=tmp_path / "data", no_progress_bar=True,
    )  # fmt: skip
    text = (run.path / "specs.json").read_text().replace(str(tmp_path), "FOLDER")
    specs = json.loads(text)
    specs["versions"] = sorted(specs["versions"])
    for added, default in ADDED.items():
        assert specs.pop(added) == default
    assert specs["used"].pop("processes") == 1
    assert specs == json.loads(BEFORE.read_text())
