"""Runs to explore, a server for them, and a browser where there is one."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from disvae import metrics
from disvae.explore.explorer import Explorer
from disvae.models.vae import VAE
from disvae.options import Options
from disvae.runs.encode import encode
from disvae.runs.find import open_run
from disvae.runs.folder import create_run
from disvae.runs.run import Run
from disvae.storage.files import to_json

AXE = "4.14.1"
REQUIRED = os.environ.get("DISVAE_BROWSER") == "required"
CHROMIUM = os.environ.get("DISVAE_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip


def make_run(path: Path, data_dir: Path, seed: int = 0, size: int = 64, **options) -> Run:
    """Make a run with random weights large enough that every latent changes the picture."""
    dataset = "dsprites" if size == 64 else "mnist"
    chosen = Options(**{"dataset": dataset, "loss": "btcvae", "latent_dim": 5} | options)
    facts = {"img_size": [1, size, size], "n_data": 96}
    run = create_run(path, chosen.model_copy(update={"data_dir": data_dir}), {}, facts)
    torch.manual_seed(seed)
    model = VAE((1, size, size), 5, "Burgess")
    with torch.no_grad():
        for weights in model.decoder.parameters():
            weights *= 1.5
    run.write_model(model)
    kl = {f"kl_loss_{j}": (1.0, 4.0, 0.5, 3.0, 2.0)[j] for j in range(5)}
    run.write_log(
        "train_losses.log",
        dict(enumerate([{"loss": 90.0 - k, "recon_loss": 80.0 - k, **kl} for k in range(4)])),
    )
    return open_run(path)


@pytest.fixture(scope="session")
def explored(data_dir, tmp_path_factory) -> list[Run]:
    """Two runs on the small `dsprites`, with scores, and one on `mnist`."""
    results = tmp_path_factory.mktemp("explored")
    runs = [make_run(results / f"run{seed}", data_dir, seed) for seed in range(2)]
    for run in runs:
        codes = encode(run.model, run.dataset(data_dir))
        run.merge_metrics(metrics.evaluate(codes, ["mig", "aam", "sap"]))
    return [*runs, make_run(results / "digits", data_dir, size=32)]


@pytest.fixture(scope="session")
def explorer(explored, data_dir) -> Iterator[Explorer]:
    """A server of all three runs."""
    with Explorer(explored, data_dir=data_dir) as serving:
        yield serving


def absent(reason: str) -> None:
    """Skip for want of a browser or npm; where these are required, fail."""
    if REQUIRED:
        pytest.fail(f"DISVAE_BROWSER=required, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium under Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("Playwright is not installed (pip install '.[browser]')")
    if shutil.which(CHROMIUM) is None:
        absent(f"there is no Chromium at {CHROMIUM} (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The source of axe-core, fetched from npm once into the user's cache."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "disvae-tests"
    kept = home / f"axe-core-{AXE}.js"
    if kept.is_file():
        return kept.read_text()
    if shutil.which("npm") is None:
        absent("npm is not here to fetch axe-core")
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "pack", f"axe-core@{AXE}", "--silent"]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    archives = list(folder.glob("*.tgz"))
    if fetched.returncode or not archives:
        absent("npm could not fetch axe-core")
    with tarfile.open(archives[0]) as archive:
        source = archive.extractfile("package/axe.min.js").read().decode()
    home.mkdir(parents=True, exist_ok=True)
    kept.write_text(source)
    return source


class Watched:
    """A page whose console, errors and requests are written down."""

    def __init__(self, page):
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self._hear(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, text: str) -> None:
        if "Multiple readback" not in text:  # it is the tests that read pictures back
            self.said.append(text)

    def open(self, url: str):
        """Go to the page, wait until it can be used, and return it."""
        self.page.goto(url)
        self.page.wait_for_selector("html[data-ready]")
        return self.page

    def require_quiet(self, *allowed: str) -> None:
        """Nothing in the console, nothing asked from anywhere but `allowed`."""
        assert self.said == []
        assert [url for url in self.asked if not url.startswith(("blob:", "data:", *allowed))] == []


@pytest.fixture
def watched(chromium) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    yield Watched(context.new_page())
    context.close()


def write_json(path: Path, content: dict) -> None:
    path.write_text(to_json(content))


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())
