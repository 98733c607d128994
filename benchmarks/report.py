"""Timing in turn, and tables of what was measured."""

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch


def time_in_turn(
    contenders: Mapping[str, Callable[[], None]], rounds: int, warm_up: int = 3
) -> dict[str, list[float]]:
    """Call each contender once a round, so that all see the same machine; return seconds."""
    for call in contenders.values():
        for _ in range(warm_up):
            call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def versions() -> dict[str, str | int]:
    """Describe what the figures hold for."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }


def show(
    title: str, seconds: Mapping[str, list[float]], baseline: str, json_file: Path | None
) -> None:
    """Print medians, spreads and ratios to `baseline`; write them to `json_file` too."""
    print(f"{title}   {versions()}")
    print(f"{'':32} {'median ms':>10} {'5 - 95 %':>17} {'ratio':>7}")
    rows = {}
    against = statistics.median(seconds[baseline])
    for name, values in seconds.items():
        median = statistics.median(values)
        low, high = np.quantile(values, [0.05, 0.95])
        print(
            f"{name:32} {1e3 * median:10.2f} {1e3 * low:8.2f} {1e3 * high:8.2f} "
            f"{against / median:7.2f}"
        )
        rows[name] = {"median_s": median, "p05_s": low, "p95_s": high, "ratio": against / median}
    if json_file is not None:
        json_file.write_text(json.dumps({"title": title, **versions(), "rows": rows}, indent=2))
