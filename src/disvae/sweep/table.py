"""The runs of a sweep as a table that is drawn anew while they run."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from disvae.sweep.record import Progress, Record, State

_STYLES: dict[State, str] = {
    "running": "cyan", "failed": "red", "waiting": "dim", "finished": "green",
}  # fmt: skip
_FRAME = 4  # lines of the table that are no runs
_NAME, _NUMBERS = 12, 50  # letters that a name has at least, and that other columns take
_ENDED = 5  # runs that are shown still
_MOST = 30  # runs that are all listed at the end; of more, those that failed


class LiveTable:
    """Shows how far a sweep is, and the runs at work; off a terminal, a line per run."""

    def __init__(self, record: Record, names: Sequence[str], finished: set[str]):
        self._record = record
        self._state: dict[str, State] = dict.fromkeys(names, "waiting")
        self._state |= dict.fromkeys(finished, "finished")
        self._reason = {name: why for name, why in record.failures.items() if name in self._state}
        self._state |= {name: "failed" for name in self._reason if name not in finished}
        self._known: dict[str, Progress] = {}
        self._started: dict[str, tuple[float, int]] = {}  # when, and at which epoch
        self._ended: list[str] = []
        # how much of each run is done; of those that wait, what an earlier call did
        self._share = {name: self._done(name) for name in self._state}
        self._begun = time.monotonic(), sum(self._share.values())
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        few = len(self._state) <= _MOST
        listed = [name for name, state in self._state.items() if few or state == "failed"]
        width = max(map(len, listed), default=0)
        for line in self._lines(listed, width) if listed else []:
            self._console.print(line, soft_wrap=True)
        self._console.print(self._counts(), soft_wrap=True)

    def update(self, running: set[str], ended: Mapping[str, str]) -> None:
        """Take in which runs are at work, and which ended since, with why they failed."""
        for name in running | ended.keys():
            self._known[name] = self._record.progress(name)
        for name in running:
            self._state[name] = "running"
            self._started.setdefault(name, (time.monotonic(), self._known[name].epochs))
            self._share[name] = self._done(name)
        for name, reason in ended.items():
            self._state[name] = "failed" if reason else "finished"
            self._reason[name] = reason
            self._share[name] = 1
            self._ended.insert(0, name)
            if not self._console.is_terminal:
                done = sum(state in ("finished", "failed") for state in self._state.values())
                self._console.print(
                    f"{done}/{len(self._state)} {name}: {self._state[name]} {reason}".rstrip(),
                    soft_wrap=True, highlight=False, markup=False,
                )  # fmt: skip
        self._draw()

    def _done(self, name: str) -> float:
        """Return the share of a run that is done."""
        if self._state[name] in ("finished", "failed"):
            return 1
        progress = self._progress(name)
        return progress.epochs / max(progress.of, 1)

    def _progress(self, name: str) -> Progress:
        if name not in self._known:
            self._known[name] = self._record.progress(name)
        return self._known[name]

    def _draw(self) -> None:
        if not self._console.is_terminal:
            return
        moving = [name for name, state in self._state.items() if state == "running"]
        moving += self._ended[:_ENDED]
        room = max(1, self._console.height - _FRAME)
        done = sum(self._share.values()) / max(1, len(self._share))
        bar = ProgressBar(total=1, completed=done, width=min(60, self._console.width))
        lines = self._lines(moving[:room], max(_NAME, self._console.width - _NUMBERS))
        self._live.update(Group(*lines, self._counts(), bar), refresh=True)

    def _counts(self) -> Text:
        """Count the runs in each state, and estimate the time that all take from now on."""
        count = Counter(self._state.values())
        states = ", ".join(f"{count[state]} {state}" for state in _STYLES if count[state])
        since, before = self._begun
        done = sum(self._share.values())
        left = _left(since, done - before, len(self._share) - done)
        head = f"{len(self._state)} runs" + (f", {left} left" if left else "")
        return Text(f"{head}: {states}", no_wrap=True, overflow="ellipsis")

    def _lines(self, names: Sequence[str], widest: int) -> list[Text]:
        """Return a line per run; of names longer than `widest` the end, which tells them apart."""
        width = min(widest, max(map(len, names), default=0))
        lines = [Text(f"{'run':{width}}  {'state':8} {'epoch':>9} {'loss':>10}  time left", "bold")]
        for name in names:
            state, progress = self._state[name], self._progress(name)
            short = name if len(name) <= width else f"…{name[1 - width :]}"
            epochs = f"{progress.epochs}/{progress.of}"
            loss = "" if progress.loss is None else f"{progress.loss:.2f}"
            line = Text(f"{short:{width}}  ").append(f"{state:8}", _STYLES[state])
            lines.append(line.append(f" {epochs:>9} {loss:>10}  {self._remark(name, progress)}"))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return lines

    def _remark(self, name: str, progress: Progress) -> str:
        """Say why a run failed, or how long it still takes, by its epochs so far."""
        if self._state[name] == "failed":
            return self._reason[name]
        if self._state[name] != "running":
            return ""
        since, before = self._started[name]
        return _left(since, progress.epochs - before, progress.of - progress.epochs)


def _left(since: float, done: float, to_do: float) -> str:
    """Estimate the time left from what was done since then; empty if that is nothing."""
    if done <= 0 or to_do <= 0:
        return ""
    return str(timedelta(seconds=round((time.monotonic() - since) / done * to_do)))
