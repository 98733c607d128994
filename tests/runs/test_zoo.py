"""The zoo: listed, downloaded from a server that misbehaves too, opened, and only read."""

import hashlib
import json

import pytest
import torch

import disvae
from disvae.cli import main
from disvae.data.raw import download
from disvae.errors import UserError
from disvae.runs import zoo
from tests.data.server import LASTING, PASSING, serving


@pytest.fixture
def server(trained, tmp_path, monkeypatch):
    """A release with the run `tiny`, at `address`, that no cache and no checkout has."""
    (file,) = disvae.export(trained, "zip", tmp_path / "trained.zip")
    content = file.read_bytes()
    entry = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "numbers": {"recon_loss": 123.456, "mig": 0.25},
    }
    (tmp_path / "registry.json").write_text(json.dumps({"trained": entry}))
    monkeypatch.setattr(zoo, "REGISTRY", tmp_path / "registry.json")
    monkeypatch.setattr(zoo.pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(download, "_PAUSE", 0)
    monkeypatch.setattr(download, "_TIMEOUT", 0.3)
    monkeypatch.chdir(tmp_path)
    with serving({"trained.zip": content}) as running:
        monkeypatch.setenv("DISVAE_ZOO", f"{running.url}/good/")
        yield running


def test_a_run_is_downloaded_once_and_only_read(server, trained, tmp_path, capsys):
    assert main(["zoo"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "zoo:trained", f"{zoo.animals()[0].size / 1e6:.1f}", "123.5", "0.25", "no",
    ]  # fmt: skip
    run = disvae.open_run("zoo:trained")
    codes = torch.randn(3, 4)
    assert torch.equal(run.model.decode(codes), trained.model.decode(codes))
    assert main(["plot", "zoo:trained", "losses", "traversals"]) == 0
    made = ["results/trained/losses.png", "results/trained/prior_traversals.png"]
    assert capsys.readouterr().out.splitlines() == made
    assert main(["plot", "zoo:trained", "losses", "--out", "pictures"]) == 0
    assert (tmp_path / "pictures/losses.png").is_file()
    assert main(["explore", "zoo:trained", "--export", "page.html"]) == 0
    assert main(["export", "zoo:trained", "--out", "handed.zip"]) == 0
    cached = tmp_path / "cache/disvae/zoo/trained.zip"
    assert (tmp_path / "handed.zip").read_bytes() == cached.read_bytes()
    assert server.seen == ["/good/trained.zip"]
    capsys.readouterr()
    assert main(["zoo"]) == 0
    assert capsys.readouterr().out.split()[-1] == str(cached)


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_ends_in_the_right_run(server, fault, monkeypatch):
    monkeypatch.setenv("DISVAE_ZOO", f"{server.url}/{fault}")
    assert disvae.open_run("zoo:trained").name == "trained"


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_stays_is_one_sentence_that_says_what_to_do(
    server, fault, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(download, "_TRIES", 1 if fault != "wrong" else 2)
    monkeypatch.setenv("DISVAE_ZOO", f"{server.url}/{fault}")
    url = f"{server.url}/{fault}/trained.zip"
    assert main(["plot", "zoo:trained", "losses"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"disvae: Could not download zoo:trained ({url}: {LASTING[fault]}); fetch {url} by hand "
        "and name that file instead."
    )
    assert not (tmp_path / "cache/disvae/zoo/trained.zip").exists()
    assert not (tmp_path / "results").exists()
    # what it says works
    assert main(["plot", "trained.zip", "losses"]) == 0


def test_a_damaged_file_of_the_cache_is_fetched_anew(server, tmp_path):
    disvae.open_run("zoo:trained")
    cached = tmp_path / "cache/disvae/zoo/trained.zip"
    content = cached.read_bytes()
    cached.write_bytes(content[:1000])
    disvae.open_run("zoo:trained")
    assert cached.read_bytes() == content
    assert len(server.seen) == 2


def test_what_the_zoo_does_not_have_is_one_sentence(server, monkeypatch):
    with pytest.raises(UserError, match=r"The zoo has no 'trainde'; the nearest: trained\."):
        disvae.open_run("zoo:trainde")
    with pytest.raises(UserError, match=r"The zoo has no '\.\./x'; it has trained\."):
        disvae.open_run("zoo:../x")
    monkeypatch.delenv("DISVAE_ZOO")
    with pytest.raises(UserError, match="set DISVAE_ZOO to the address of a folder"):
        disvae.open_run("zoo:trained")
    zoo.REGISTRY.write_text("{}")
    with pytest.raises(UserError, match="The zoo has no 'trained'; it is empty"):
        disvae.open_run("zoo:trained")
