"""Time, memory and error of the scores on dSprites-sized codes: `python -m benchmarks.metrics`.

The codes are synthetic: five follow a factor each, with some of the next factor and noise, five
are dead. No dataset is needed. With `--images N --codes D` (at least 5) it says for such a size
what the information matrix and all scores at once take, and the most memory.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import torch
from jaxtyping import Float, Int
from tqdm import tqdm

from disvae.devices.process import keep_freed_memory
from disvae.metrics import SCORES, Codes, entropies, evaluate, udr

SIZES = {"shape": 3, "scale": 6, "orientation": 40, "posX": 32, "posY": 32}
N_IMAGES, N_CODES = 737_280, 10
SAMPLES = 10_000  # per entropy, in the published estimator
SAMPLES_MEASURED = 50
REPEATS = 5
SLOW = 10.0  # seconds; what takes longer is measured once


def dsprites_like(n_images: int = N_IMAGES, n_codes: int = N_CODES) -> Codes:
    """Posteriors over all combinations of the dSprites factors, over some, or over each again."""
    rng = np.random.default_rng(0)
    sizes = tuple(SIZES.values())
    combinations = np.arange(n_images) * max(N_IMAGES // n_images, 1) % N_IMAGES
    factors = np.stack(np.unravel_index(combinations, sizes), axis=1)
    mean = 0.02 * rng.standard_normal((n_images, n_codes), dtype=np.float32)
    logvar = 0.02 * rng.standard_normal((n_images, n_codes), dtype=np.float32)
    for j, size in enumerate(sizes):
        mean[:, j] *= 5
        mean[:, j] += 1.7 * (2 * factors[:, j] / (size - 1) - 1)
        mean[:, j] += 0.3 * np.sin(factors[:, (j + 1) % len(sizes)])
        logvar[:, j] = 25 * logvar[:, j] - 4
    return Codes(mean, logvar, factors, tuple(SIZES))


def brute_force(
    mean: Float[np.ndarray, " N"], logvar: Float[np.ndarray, " N"], factor: Int[np.ndarray, " N"]
) -> tuple[float, float]:
    """H(z) and I(z; v) by the trapezoid rule, every component at every point."""
    width = np.exp(logvar / 2)
    step = width.min() / 4
    points = np.arange((mean - 9 * width).min(), (mean + 9 * width).max() + step, step)
    order = np.argsort(factor, kind="stable")
    starts = np.flatnonzero(np.diff(factor[order], prepend=-1))
    mean, width = mean[order], width[order]
    density = np.stack(
        [
            np.add.reduceat(np.exp(-(((x - mean) / width) ** 2) / 2) / width, starts)
            for x in tqdm(points, desc="brute force", leave=False)
        ]
    ) / np.sqrt(2 * np.pi)
    counts = np.diff(np.append(starts, len(mean)))

    def entropy(q: Float[np.ndarray, " points"]) -> float:
        return float(-(q * np.log(q, out=np.zeros_like(q), where=q > 0)).sum() * step)

    whole = entropy(density.sum(axis=1) / len(mean))
    given = [entropy(q / n) for q, n in zip(density.T, counts, strict=True)]
    return whole, whole - float(np.dot(counts / len(mean), given))


def errors(table: Codes) -> list[dict[str, Any]]:
    """Difference to brute force for two codes that follow a factor and a dead one."""
    mean, logvar, factors = (np.asarray(a) for a in (table.mean, table.logvar, table.factors))
    found = entropies(mean, logvar, factors)
    rows = []
    for code, factor in ((0, 0), (3, 3), (9, 4)):
        entropy, information = brute_force(mean[:, code], logvar[:, code], factors[:, factor])
        rows.append(
            {
                "code": code,
                "factor": table.factor_names[factor],
                "entropy": entropy,
                "entropy_error": abs(found.code[code] - entropy),
                "information": information,
                "information_error": abs(found.mutual_information[factor, code] - information),
            }
        )
    return rows


def sampled_estimator(table: Codes, n_samples: int) -> None:
    """Entropies as they are usually sampled: every sample against every component."""
    mean, logvar, factors = (np.asarray(a) for a in (table.mean, table.logvar, table.factors))
    # Codes by images, so that sums over images run along memory.
    means = torch.tensor(mean.T.copy(), dtype=torch.float32)
    logvars = torch.tensor(logvar.T.copy(), dtype=torch.float32)

    def entropy(rows: torch.Tensor) -> torch.Tensor:
        mu, lv = means[:, rows], logvars[:, rows]
        drawn = torch.randint(len(rows), (n_samples,))
        noise = torch.randn(len(mu), n_samples)
        samples = mu[:, drawn] + torch.exp(lv[:, drawn] / 2) * noise
        precision, constant = torch.exp(-lv) / -2, (lv + np.log(2 * np.pi)) / -2
        logs = []
        for z in samples.T:
            log_density = (mu - z[:, None]).square_().mul_(precision).add_(constant)
            logs.append(torch.logsumexp(log_density, dim=1) - np.log(len(rows)))
        return -torch.stack(logs).mean(dim=0)

    entropy(torch.arange(means.shape[1]))
    for column in factors.T:
        for value in np.unique(column):
            entropy(torch.from_numpy(np.flatnonzero(column == value)))


def median_time(run: Callable[[], Any]) -> tuple[float, int]:
    """Median seconds and number of runs; slow ones run once."""
    times: list[float] = []
    while len(times) < REPEATS and (not times or times[0] < SLOW):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times), len(times)


def score_times(table: Codes) -> dict[str, dict[str, float]]:
    """Seconds of every score at its default settings."""
    times = {}
    mean = np.asarray(table.mean)
    for name in tqdm(SCORES, desc="scores"):

        def run(name: str = name) -> Any:
            return udr([mean, mean[:, ::-1]]) if name == "udr" else evaluate(table, name)

        seconds, runs = median_time(run)
        times[name] = {"seconds": seconds, "runs": runs}
    return times


def measure() -> dict[str, Any]:
    """All figures of one run."""
    table = dsprites_like()
    whole, _ = median_time(lambda: evaluate(table, "all"))

    def exact() -> Any:
        return entropies(table.mean, table.logvar, table.factors)  # type: ignore[arg-type]

    seconds, runs = median_time(exact)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    sampled_estimator(table, SAMPLES_MEASURED)
    sampled = (time.perf_counter() - start) * SAMPLES / SAMPLES_MEASURED
    return {
        "images": len(np.asarray(table.mean)),
        "codes": N_CODES,
        "factors": SIZES,
        "exact": {"seconds": seconds, "runs": runs, "peak_memory_gib": memory},
        "sampled": {"seconds_scaled": sampled, "samples_measured": SAMPLES_MEASURED},
        "ratio": sampled / seconds,
        "errors": errors(table),
        "scores": score_times(table),
        "all": whole,
        "machine": {
            "cpus": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
        },
    }


def report(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    exact, sampled = figures["exact"], figures["sampled"]
    machine = ", ".join(f"{name} {value}" for name, value in figures["machine"].items())
    print(f"{figures['images']:,} images, {figures['codes']} codes, 5 factors; {machine}")
    print(f"exact information matrix   {exact['seconds']:10.2f} s (median of {exact['runs']})")
    print(f"peak memory of the process {exact['peak_memory_gib']:10.2f} GiB")
    print(
        f"sampled estimator          {sampled['seconds_scaled']:10.0f} s ({SAMPLES:,} samples an "
        f"entropy, scaled from {SAMPLES_MEASURED}): {figures['ratio']:,.0f} times as long"
    )
    for row in figures["errors"]:
        print(
            f"code {row['code']}: H = {row['entropy']:.6f}, error {row['entropy_error']:.1e}; "
            f"I with {row['factor']} = {row['information']:.6f}, "
            f"error {row['information_error']:.1e} nats"
        )
    for name, row in figures["scores"].items():
        print(f"{name:26s} {row['seconds']:10.2f} s (median of {row['runs']})")
    print(f"{'all at once':26s} {figures['all']:10.2f} s")


def report_size(n_images: int, n_codes: int) -> None:
    """Print time and memory at one size."""
    table = dsprites_like(n_images, n_codes)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    entropies(table.mean, table.logvar, table.factors)  # type: ignore[arg-type]
    matrix = time.perf_counter() - start
    evaluate(table, "all")
    whole = time.perf_counter() - start - matrix
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{n_images:,} images, {n_codes} codes: matrix {matrix:.2f} s, all scores {whole:.2f} s, "
        f"{peak:.2f} GiB, of which {held:.2f} before"
    )


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    keep_freed_memory()  # as `disvae score` does
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--codes", type=int, default=N_CODES)
    arguments = parser.parse_args()
    if arguments.images:
        report_size(arguments.images, arguments.codes)
        return
    figures = measure()
    report(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
