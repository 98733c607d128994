"""Codes of anyone's model, and settings of their scores."""

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given

from disvae.cli import main
from disvae.errors import UserError
from disvae.metrics import read_codes
from tests.hostile.inputs import damaged, refused_or_read

pytestmark = pytest.mark.usefixtures("nothing_outside")


def npz(draw_arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **draw_arrays)
    return buffer.getvalue()


CODES = npz({"mean": np.zeros((4, 2)), "logvar": np.zeros((4, 2)), "factors": np.eye(4)})


@pytest.mark.parametrize("names", ["shape", [["a", "b"]], 3.0])
def test_names_of_factors_in_any_form_are_read_or_refused(tmp_path, names):
    np.savez(
        tmp_path / "codes.npz", mean=np.eye(4), factors=np.arange(4)[:, None], factor_names=names
    )
    refused_or_read(lambda: read_codes(tmp_path / "codes.npz"))


ABSURD = [
    "binned_mig.bins=1000000000", "binned_mig.bins=-1", "beta_vae.pairs=1000000000",
    "dci.num_train=-5", "factor_vae.batch_size=1000000000", "dci.levels=1000000000",
    "infomec.neighbours=1000000000", "sap.repeats=1000000000", "dci.seed=-1",
    "sap.regularisation=inf", "sap.regularisation=1e300", "irs.num_points=100000000000000",
    "factor_vae.prune_std=nan",
]  # fmt: skip


@pytest.mark.parametrize("setting", ABSURD)
def test_absurd_settings_of_scores_are_refused(tmp_path, setting, capsys):
    codes = np.random.default_rng(0).normal(size=(20, 3))
    np.savez(tmp_path / "c.npz", mean=codes, factors=np.arange(20)[:, None] % 4)
    name = setting.partition(".")[0]
    words = ["score", "--codes", str(tmp_path / "c.npz"), "--metrics", name]
    assert main([*words, "--metric-settings", setting]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("disvae: ")
    assert setting.partition(".")[2].partition("=")[0] in said


def test_codes_that_would_fill_the_memory_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("disvae.metrics.codes.memory", lambda: 2**23)
    file = tmp_path / "codes.npz"
    np.savez_compressed(file, mean=np.zeros((2**14, 16), np.float16))
    tracemalloc.start()
    with pytest.raises(UserError, match=r"codes\.npz would fill 2,097,152 bytes .* an eighth of"):
        read_codes(file)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    np.savez(file, mean=np.zeros((2**15, 16)))
    with pytest.raises(UserError, match=r"codes\.npz has 4,194,\d+ bytes, but 1,048,576 are"):
        read_codes(file)


@pytest.mark.parametrize("shape", [(10**12, 2), (2, 10**18), (10**9,) * 3])
def test_headers_that_promise_more_than_there_is_are_refused(tmp_path, shape):
    buffer = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(buffer, header)
    with zipfile.ZipFile(tmp_path / "codes.npz", "w") as archive:
        archive.writestr("mean.npy", buffer.getvalue())
    with pytest.raises(UserError, match="would fill"):
        read_codes(tmp_path / "codes.npz")


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing"])
def test_what_is_no_file_of_codes_is_refused(tmp_path, kind, capsys):
    place = tmp_path / "codes.npz"
    make = {
        "pipe": os.mkfifo,
        "folder": os.mkdir,
        "link to nothing": lambda at: at.symlink_to("x"),
    }
    make[kind](place)
    assert main(["score", "--codes", str(place)]) == 2
    assert str(place) in capsys.readouterr().err


@given(damaged(CODES))
def test_damaged_codes(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "codes.npz"
    file.write_bytes(content)
    refused_or_read(lambda: read_codes(file))


def test_codes_that_lost_bytes_at_their_beginning_are_refused(tmp_path):
    # an entry lies before the beginning now
    (tmp_path / "codes.npz").write_bytes(CODES[:4] + CODES[34:])
    with pytest.raises(UserError, match="is no"):
        read_codes(tmp_path / "codes.npz")
