"""The runs of a sweep as a table that is drawn anew while they run."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from disvae.sweep.record import Progress, Record, State

# in the order of what one wants to see where not all runs fit
_STYLES: dict[State, str] = {
    "running": "cyan",
    "failed": "red",
    "waiting": "dim",
    "finished": "green",
}
_FRAME = 5  # lines of the table that are no runs


class LiveTable:
    """Shows state, epoch, loss and time left of each run; off a terminal, a line a run.

    Parameters
    ----------
    record
        The sweep.
    names
        Its runs, in the order to show.
    finished
        Those that were finished before.
    """

    def __init__(self, record: Record, names: Sequence[str], finished: set[str]):
        self._record = record
        self._state: dict[str, State] = dict.fromkeys(names, "waiting")
        self._state |= dict.fromkeys(finished, "finished")
        self._reason = {name: why for name, why in record.failures.items() if name in self._state}
        self._state |= {name: "failed" for name in self._reason if name not in finished}
        self._known: dict[tuple[str, State], Progress] = {}
        self._started: dict[str, tuple[float, int]] = {}  # when, and at which epoch
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        self._draw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()
        self._console.print(self._table(list(self._state)))

    def update(self, running: set[str], ended: Mapping[str, str]) -> None:
        """Take in which runs are at work, and which ended since, with why they failed."""
        for name in running:
            self._state[name] = "running"
            if name not in self._started:
                self._started[name] = time.monotonic(), self._record.progress(name).epochs
        for name, reason in ended.items():
            self._state[name] = "failed" if reason else "finished"
            self._reason[name] = reason
            if not self._console.is_terminal:
                done = sum(state in ("finished", "failed") for state in self._state.values())
                self._console.print(
                    f"{done}/{len(self._state)} {name}: {self._state[name]} {reason}".rstrip(),
                    soft_wrap=True, highlight=False, markup=False,
                )  # fmt: skip
        self._draw()

    def _draw(self) -> None:
        if self._console.is_terminal:
            self._live.update(self._table(self._fitting()), refresh=True)

    def _fitting(self) -> list[str]:
        """Return the runs that the terminal has lines for, running ones first of all."""
        order = list(_STYLES)
        first = sorted(self._state, key=lambda name: order.index(self._state[name]))
        fitting = set(first[: max(1, self._console.height - _FRAME)])
        return [name for name in self._state if name in fitting]

    def _table(self, names: Sequence[str]) -> Table:
        count = Counter(self._state.values())
        table = Table(
            Column("run", overflow="fold"), "state", "epoch", "loss", "time left",
            caption=", ".join(f"{count[state]} {state}" for state in _STYLES if count[state]),
        )  # fmt: skip
        for name in names:
            state = self._state[name]
            progress = self._progress(name, state)
            reason = self._reason.get(name, "") if state == "failed" else ""
            loss = "" if progress.loss is None else f"{progress.loss:.2f}"
            left = self._left(name, progress.epochs, progress.of) if state == "running" else ""
            table.add_row(
                Text(name),
                Text(state, _STYLES[state]),
                f"{progress.epochs}/{progress.of}",
                loss,
                Text(left or reason),
            )
        return table

    def _progress(self, name: str, state: State) -> Progress:
        """Read how far a run has come; that of one which ended is read once."""
        if state == "running":
            return self._record.progress(name)
        if (name, state) not in self._known:
            self._known[name, state] = self._record.progress(name)
        return self._known[name, state]

    def _left(self, name: str, epochs: int, of: int) -> str:
        """Estimate the time left from that of the epochs so far."""
        since, before = self._started[name]
        if epochs <= before:
            return ""
        seconds = (time.monotonic() - since) / (epochs - before) * (of - epochs)
        return str(timedelta(seconds=round(seconds)))
