"""The run whose files the tests overwrite."""

import shutil

import matplotlib.font_manager  # noqa: F401 - writes into the user's folders when first imported
import pytest


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """A run whose files the tests overwrite; they put back what they changed."""
    return shutil.copytree(trained.path, tmp_path_factory.mktemp("results") / "run")


@pytest.fixture(scope="module")
def saved(trained):
    """The weights as bytes."""
    return (trained.path / "model.pt").read_bytes()
