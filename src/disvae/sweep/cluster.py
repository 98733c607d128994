"""Runs as tasks of a Ray cluster, whose machines share the results and the data."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from disvae.devices.process import spin_briefly
from disvae.errors import UserError
from disvae.sweep.work import Steps, Task, perform

_TICK = 0.5  # seconds between two looks at the runs
_TIMEOUT = 10  # seconds for the cluster to answer
_RETRIES = 5  # of a run whose machine goes away


def run_on_ray(tasks: Sequence[Task], address: str, gpus_per_run: float) -> Steps:
    """Run all tasks on a Ray cluster, as many at a time as it has cores and GPUs for."""
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed; run: pip install 'disvae[ray]'.") from None
    _require_answer(address)  # Ray itself waits for minutes
    try:
        ray.init(
            address=address, log_to_driver=False, configure_logging=False,
            runtime_env={"worker_process_setup_hook": spin_briefly},  # before it loads PyTorch
        )  # fmt: skip
    except (RuntimeError, ConnectionError) as error:  # above all: another version of it there
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"Ray cannot use the cluster at {address}: {reason}") from None
    try:
        _require_room(ray, max(task.threads for task in tasks), gpus_per_run)
        yield from _run(ray, tasks, gpus_per_run)
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except (OSError, OverflowError):
        raise UserError(
            f"There is no Ray cluster at {address}; start one with `ray start --head`, "
            "or name its --address."
        ) from None


def _require_room(ray: Any, cores: int, gpus: float) -> None:
    """Refuse what Ray would wait for without end."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(m.get("CPU", 0) >= cores and m.get("GPU", 0) >= gpus for m in machines):
        raise UserError(
            f"No machine of the Ray cluster has the {cores} cores and {gpus:g} GPUs of a run; "
            "choose more --processes or fewer --gpus-per-run."
        )


def _run(ray: Any, tasks: Sequence[Task], gpus_per_run: float) -> Steps:
    remote = ray.remote(_perform)
    logged = {task.name: _size(task.log) for task in tasks}
    pending = {
        remote.options(
            num_cpus=task.threads, num_gpus=gpus_per_run, max_retries=_RETRIES, name=task.name
        ).remote(task): task
        for task in tasks
    }
    while pending:
        ready, _ = ray.wait(list(pending), timeout=_TICK)
        ended = {pending.pop(reference).name: _outcome(ray, reference) for reference in ready}
        # Ray does not say which tasks wait: those at work have added to their logs
        yield {t.name for t in pending.values() if _size(t.log) > logged[t.name]}, ended


def _perform(task: Task) -> str:
    try:
        return perform(task)
    except KeyboardInterrupt:
        os._exit(1)  # the machine stops: an end without a result, which Ray tries again elsewhere


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _outcome(ray: Any, reference: Any) -> str:
    try:
        reason: str = ray.get(reference)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        return f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:300]
    return reason
