"""Runs as tasks of a Ray cluster, whose machines share the results and the data."""

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from disvae.errors import UserError
from disvae.sweep.work import Task, perform

_TICK = 0.5  # seconds between two looks at the runs
_TIMEOUT = 10  # seconds for the cluster to answer
_RETRIES = 5  # of a run whose machine goes away


def run_on_ray(
    tasks: Sequence[Task], address: str, gpus_per_run: float
) -> Iterator[tuple[set[str], dict[str, str]]]:
    """Run all tasks on a Ray cluster; yields as `disvae.sweep.local.run_locally` does.

    Raises
    ------
    UserError
        If Ray is not installed, or there is no cluster at `address`.
    """
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed; run: pip install 'disvae[ray]'.") from None
    _require_answer(address)  # Ray itself waits for minutes
    ray.init(address=address, log_to_driver=False, configure_logging=False)
    try:
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


def _run(
    ray: Any, tasks: Sequence[Task], gpus_per_run: float
) -> Iterator[tuple[set[str], dict[str, str]]]:
    remote = ray.remote(perform)
    names = {
        remote.options(
            num_cpus=task.threads, num_gpus=gpus_per_run, max_retries=_RETRIES, name=task.name
        ).remote(task): task.name
        for task in tasks
    }
    while names:
        ready, _ = ray.wait(list(names), timeout=_TICK)
        ended = {}
        for reference in ready:
            try:
                ended[names.pop(reference)] = ray.get(reference)
            except ray.exceptions.RayError as error:
                ended[names.pop(reference, "")] = str(error).splitlines()[0]
        yield set(names.values()), ended
