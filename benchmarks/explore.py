"""How fast the explorer is in Chromium: python -m benchmarks.explore [RUN_FOLDER].

Measures a slider's move until the picture is drawn, a grid of 100 traversals, the time from the
command to a page that can be used, and the sizes of exported files. Without a run, it makes one
with the architecture of Burgess et al. at 64 pixels and random weights.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from disvae.explore.explorer import Explorer
from disvae.explore.export import export
from disvae.models.vae import VAE
from disvae.options import Options
from disvae.runs.folder import create_run

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
MOVES = 200
MOVE = """async (moves) => {
    const slider = document.querySelector("input[data-latent]");
    const canvas = document.getElementById("decoded");
    const [drawn, framed] = [[], []];
    const frame = () => new Promise(requestAnimationFrame);
    for (let k = 0; k < moves; k++) {
        await frame();
        await new Promise((resolve) => setTimeout(resolve, 20));
        const since = performance.now();
        const picture = new Promise((resolve) =>
            canvas.addEventListener("drawn", resolve, { once: true }));
        slider.value = -2 + (4 * k) / moves;
        slider.dispatchEvent(new Event("input"));
        await picture;
        drawn.push(performance.now() - since);
        await frame();
        framed.push(performance.now() - since);
    }
    return [drawn, framed];
}"""
GRID = """async () => {
    const since = performance.now();
    for (const button of document.querySelectorAll("nav button")) {
        if (button.textContent === "Traversals") button.click();
    }
    while (!document.querySelector(".grid")) await new Promise(requestAnimationFrame);
    const grid = document.querySelector(".grid");
    await new Promise((resolve) => grid.addEventListener("drawn", resolve, { once: true }));
    return [performance.now() - since, grid.querySelectorAll("canvas").length];
}"""


def main() -> None:
    """Measure, and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = given.run or random_run(Path(folder) / "random")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with Explorer([run]) as explorer:
            page = browser.new_page()
            page.goto(explorer.url)
            page.wait_for_selector("html[data-ready]")
            _sliders(page)
            grids = []
            for _ in range(5):
                milliseconds, cells = page.evaluate(GRID)
                grids.append(milliseconds)
                page.get_by_role("button", name="Latents").click()
            print(f"grid of {cells} cells: {statistics.median(grids):.0f} ms (median of 5)")
        imports, starts = [], []
        for _ in range(5):
            imports.append(_seconds_of_import())
            starts.append(_seconds_to_use(browser.new_page(), run))
        print(
            f"command to usable page: {statistics.median(starts):.2f} s, of which PyTorch's "
            f"import {statistics.median(imports):.2f} s (medians of 5, in turn)"
        )
        for name, encoder in (("decoder", False), ("decoder and encoder", True)):
            file = Path(folder) / "page.html"
            export([run], file, encoder=encoder)
            page = browser.new_page()
            since = time.perf_counter()
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]")
            opened = time.perf_counter() - since
            print(f"file with {name}: {file.stat().st_size / 1e6:.2f} MB, open in {opened:.2f} s")
        browser.close()


def random_run(path: Path) -> Path:
    """Make a run whose weights are those before training."""
    options = Options(dataset="dsprites", loss="btcvae")
    facts = {"img_size": [1, 64, 64], "n_data": 737_280}
    run = create_run(path, options, {}, facts)
    run.write_model(VAE((1, 64, 64), options.latent_dim, options.model_type))
    return path


def _sliders(page: Page) -> None:
    page.evaluate(MOVE, 50)  # until the browser has compiled it
    for name, times in zip(("pixels", "frame"), page.evaluate(MOVE, MOVES), strict=True):
        ordered = sorted(times)
        print(
            f"slider to {name}: median {statistics.median(times):.1f} ms, "
            f"95% {ordered[int(0.95 * MOVES)]:.1f} ms"
        )


def _seconds_of_import() -> float:
    since = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - since


def _seconds_to_use(page: Page, run: Path) -> float:
    command = [sys.executable, "-m", "disvae", "explore", str(run), "--no-browser"]
    since = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        page.goto(process.stdout.readline().split()[-1])
        page.wait_for_selector("html[data-ready]")
        seconds = time.perf_counter() - since
        process.terminate()
    return seconds


if __name__ == "__main__":
    main()
