"""Timing in turn, and tables of what was measured."""

import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SIDE = 2048  # of the matrix product that stands for the machine's limit


class Row(NamedTuple):
    """One line of a table.

    Attributes
    ----------
    make
        Makes the function to time; called in a process of the row's own.
    plain, limit
        Names of the rows that this one is compared with; None: with none.
    """

    make: Callable[[], Callable[[], object]]
    plain: str | None = None
    limit: str | None = None


def time_in_turn(
    rows: Mapping[str, Row], rounds: int, calls: int, warm_up: int = 5
) -> dict[str, list[float]]:
    """Let each row make so many calls a round, so that all see the same machine; return seconds.

    Each row has its own process, as its user would: no row profits from another's allocations.
    """
    spawn = multiprocessing.get_context("spawn")
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    with ExitStack() as stack:
        lines = {}
        for name, row in rows.items():
            lines[name], far = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(row.make, far), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(lines[name].send, 0)
            _take_turn(lines[name], warm_up)
        for _ in range(rounds):
            for name, line in lines.items():
                seconds[name] += _take_turn(line, calls)
    return seconds


def _take_turn(line: "Connection", calls: int) -> list[float]:
    line.send(calls)
    measured: list[float] = line.recv()
    return measured


def _serve(make: Callable[[], Callable[[], object]], line: "Connection") -> None:
    """Time as many calls as the other side asks for, until it asks for none."""
    call = make()
    while calls := line.recv():
        seconds = []
        for _ in range(calls):
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
        line.send(seconds)


def matrix_product(flops: float) -> Callable[[], None]:
    """Make float32 matrix products, 2048 x 2048 x 2048 or the first rows, of so many operations."""
    left, right, product = torch.rand(3, SIDE, SIDE)
    whole, part = divmod(round(flops / (2 * SIDE * SIDE)), SIDE)

    def multiply() -> None:
        for _ in range(whole):
            torch.mm(left, right, out=product)
        torch.mm(left[:part], right, out=product[:part])

    return multiply


def flops(step: Callable[[], object]) -> float:
    """Count the operations of one call."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def versions() -> dict[str, str | int]:
    """Describe what the figures hold for."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }


def table(
    title: str, rows: Mapping[str, Row], seconds: Mapping[str, list[float]]
) -> dict[str, object]:
    """Print medians, spreads, and how each row compares; return the same for JSON."""
    print(f"\n{title}")
    print(f"{'':32} {'median ms':>10} {'5 - 95 %':>17} {'x plain':>8} {'% of limit':>11}")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    entries: dict[str, object] = {}
    for name, row in rows.items():
        low, high = np.quantile(seconds[name], [0.05, 0.95])
        faster = medians[row.plain] / medians[name] if row.plain else None
        share = medians[row.limit] / medians[name] if row.limit else None
        print(
            f"{name:32} {1e3 * medians[name]:10.2f} {1e3 * low:8.2f} {1e3 * high:8.2f} "
            f"{f'{faster:.2f}' if faster else '':>8} {f'{100 * share:.0f}' if share else '':>11}"
        )
        entries[name] = {
            "median_s": medians[name], "p05_s": low, "p95_s": high,
            "times_plain": faster, "share_of_limit": share,
        }  # fmt: skip
    return {"title": title, "rows": entries}


def write(json_file: Path | None, tables: list[dict[str, object]]) -> None:
    """Print the versions; write tables and versions to `json_file`, if any."""
    print(f"\n{versions()}")
    if json_file is not None:
        json_file.write_text(json.dumps({**versions(), "tables": tables}, indent=2) + "\n")
