"""Datasets with small raw files, which a server on this machine has."""

import pytest

from disvae.cli import main
from disvae.data.catalogue import registry as catalog
from disvae.data.raw import download
from tests.data.raw_files import raw, small_entry
from tests.data.server import serving


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    """Wait shortly, never for a server outside."""
    monkeypatch.setattr(download, "_TIMEOUT", 0.3)
    monkeypatch.setattr(download, "_PAUSE", 0.0)


@pytest.fixture
def server():
    with serving({}) as running:
        yield running


@pytest.fixture
def offer(server, monkeypatch):
    """Make the small files of a dataset available, each behind the given faults."""

    def small(name, *faults):
        addresses = [f"{server.url}/{fault}" for fault in faults]
        monkeypatch.setitem(catalog.CATALOG, name, small_entry(name, *addresses))
        server.files.update(raw(name).files)

    return small


@pytest.fixture
def data(tmp_path, capsys):
    """Run a `data` command on the folder `data`; return status and what was said."""

    def run(command, *arguments):
        where = ["--data-dir", str(tmp_path / "data")]
        status = main(["data", command, *map(str, arguments), *where])
        shown = capsys.readouterr()
        return status, (shown.out + shown.err).strip()

    return run
