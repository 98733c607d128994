"""Weights and checkpoints from the internet: no code in them runs, nothing fills the memory."""

import io
import os
import pickle
import zipfile

import pytest
import torch

import disvae
from disvae.errors import UserError
from tests.hostile.inputs import resume

pytestmark = pytest.mark.usefixtures("nothing_outside")


class Payload:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("name", ["model.pt", "checkpoint.pt"])
@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_pickle_payload_is_not_run(run, saved, tmp_path, name, protocol):
    target, file = tmp_path / "owned", run / name
    content = {"encoder.conv1.weight": Payload(target), "version": Payload(target)}
    if protocol == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    try:
        opened = disvae.open_run(run)
        with pytest.raises(UserError, match=name):
            _ = opened.model if name == "model.pt" else resume(opened)
    finally:
        file.write_bytes(saved) if name == "model.pt" else file.unlink()
    assert not target.exists()


def test_weights_that_are_not_finite_are_refused(run, saved):
    state = torch.load(io.BytesIO(saved), weights_only=True)
    state["decoder.lin1.bias"][0] = torch.nan
    torch.save(state, run / "model.pt")
    try:
        with pytest.raises(UserError, match=r"decoder\.lin1\.bias .* not finite"):
            _ = disvae.open_run(run).model
    finally:
        (run / "model.pt").write_bytes(saved)


def bomb():
    """Weights that unpack to 64 MiB, in a file of a tenth of that."""
    buffer, honest = io.BytesIO(), io.BytesIO()
    torch.save({"a": torch.zeros(2**24)}, honest)
    with (
        zipfile.ZipFile(honest) as stored,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in stored.infolist():
            packed.writestr(entry.filename, stored.read(entry))
    return buffer.getvalue()


def weights(content, **form):
    buffer = io.BytesIO()
    torch.save(content, buffer, **form)
    return buffer.getvalue()


def renamed(content):
    """The same with ``data.PKL``, which PyTorch reads too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as honest, zipfile.ZipFile(buffer, "w") as other:
        for entry in honest.infolist():
            other.writestr(entry.filename.replace(".pkl", ".PKL"), honest.read(entry))
    return buffer.getvalue()


class Bytes:
    """A few bytes that become a megabyte, or any number."""

    def __reduce__(self):
        return bytearray, (2**20,)


def doubled(depth):
    """A list that holds the same list twice, and so on: 2**depth values in a kilobyte."""
    inside = [1.0]
    for _ in range(depth):
        inside = [inside, inside]
    return inside


@pytest.mark.parametrize(
    "content",
    [
        bomb,
        lambda: weights({"a": torch.zeros(1).expand(10**12)}),
        lambda: weights({"a": [torch.zeros(3, device="meta")]}),
        lambda: weights([torch.zeros(3)]),
        lambda: weights({"a": doubled(60)}),
        lambda: weights({"a": Bytes()}),
        lambda: weights({"a": Bytes()}, _use_new_zipfile_serialization=False) + weights({}),
        lambda: renamed(weights({"a": Bytes()})),
        lambda: weights({"a": torch.device("cpu")}),
        lambda: weights({}),
        lambda: b"",
    ],
    ids=[
        "bomb",
        "view",
        "meta",
        "list",
        "lists of lists",
        "bytes",
        "old bytes before a zip",
        "bytes in capitals",
        "device",
        "nothing",
        "empty",
    ],
)
@pytest.mark.parametrize("name", ["model.pt", "checkpoint.pt"])
def test_what_is_no_weights_is_refused(run, saved, name, content):
    (run / name).write_bytes(content())
    try:
        opened = disvae.open_run(run)
        with pytest.raises(UserError, match=name):
            _ = opened.model if name == "model.pt" else resume(opened)
    finally:
        (run / "model.pt").write_bytes(saved)
        (run / "checkpoint.pt").unlink(missing_ok=True)
