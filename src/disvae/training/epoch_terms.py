"""The terms of all steps of an epoch, without stopping the device every step."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from disvae.errors import UserError
from disvae.objectives.terms import Terms
from disvae.storage.tensors import require_like

_READ_EVERY = 50  # steps; reading waits for the device


class EpochTerms:
    """Collects the terms of every step; reads them from the device now and then.

    A `UserError` says at which step, counted from `first_step`, a loss was not finite.
    """

    def __init__(self, first_step: int):
        self._names: list[str] = []
        self._waiting: list[Tensor] = []
        self._sums = torch.zeros(0, dtype=torch.float64)
        self._first_step = first_step
        self._count = 0
        self.last: dict[str, float] = {}
        self.recent: dict[str, float] = {}  # means over the steps that were read last

    def add(self, terms: Terms) -> bool:
        """Add one step's terms; return whether `last` and `recent` were renewed."""
        if self._names and self._names != list(terms):
            raise UserError(
                "The checkpoint is of a training with other terms of the loss; "
                "remove checkpoint.pt and train again."
            )
        self._names = list(terms)
        self._waiting.append(torch.stack([term.detach().float() for term in terms.values()]))
        if len(self._waiting) < _READ_EVERY:
            return False
        self._read()
        return True

    def means(self, fabric: Fabric) -> dict[str, float]:
        """Return the mean of every term over all steps, of all processes."""
        if self._waiting:
            self._read()
        means = fabric.all_reduce((self._sums / self._count).to(fabric.device, torch.float32))
        assert isinstance(means, Tensor)  # noqa: S101
        return dict(zip(self._names, means.tolist(), strict=True))

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs, in plain types and tensors."""
        rows = [row.cpu() for row in self._waiting]
        if rows:
            self._require_finite(torch.stack(rows))
        return {"names": self._names, "waiting": rows, "sums": self._sums, "last": self.last}

    def load_state_dict(self, state: Mapping[str, Any], done: int) -> None:
        """Go on after `done` steps, where `state_dict` was called; sums add in the same order."""
        names, waiting, sums, last = (state[key] for key in ("names", "waiting", "sums", "last"))
        count = done - len(waiting)
        if count < 0 or (count == 0) != (len(sums) == 0):
            raise ValueError(f"not the terms of {done} steps")
        like = torch.zeros(len(names))
        rows = {f"row {number}": row for number, row in enumerate(waiting)}
        if count:
            rows["sums"] = sums
        require_like(rows, dict.fromkeys(rows, like))
        self._names, self._waiting, self._sums = list(names), list(waiting), sums.double()
        self._count = count
        self.last = {name: float(value) for name, value in last.items()}

    def _read(self) -> None:
        on_device = self._waiting[-1].device  # those of a resumed epoch came to the CPU
        rows = torch.stack([row.to(on_device) for row in self._waiting]).cpu().double()
        self._waiting.clear()
        self._require_finite(rows)
        self._count += len(rows)
        self._sums = rows.sum(0) if len(self._sums) == 0 else self._sums + rows.sum(0)
        self.last = dict(zip(self._names, rows[-1].tolist(), strict=True))
        self.recent = dict(zip(self._names, rows.mean(0).tolist(), strict=True))

    def _require_finite(self, rows: Float[Tensor, "steps terms"]) -> None:
        finite = rows.isfinite().all(1).tolist()
        if all(finite):
            return
        first_bad = finite.index(False)
        step = self._first_step + self._count + first_bad
        values = dict(zip(self._names, rows[first_bad].tolist(), strict=True))
        bad = ", ".join(name for name, value in values.items() if not math.isfinite(value))
        listed = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
        fault = UserError(
            f"Training stopped at step {step}, where {bad[:200]} is not finite; "
            "try a lower --lr or a smaller weight of the regularisation."
        )
        fault.add_note(f"The terms there: {listed}.")
        raise fault
