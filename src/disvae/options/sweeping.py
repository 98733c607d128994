"""The options of ``disvae sweep``."""

from typing import Annotated, Literal

from pydantic import Field

from disvae.options.common import SWEEP, Places, option
from disvae.options.scoring import Names, ScoreOptions
from disvae.types import Count, NoneFromText


class SweepOptions(Places, ScoreOptions):
    """Which runs make a sweep, and where they run."""

    name: Annotated[str, option(SWEEP, "Folder of the sweep in the results; `.`: the results.")] = (
        "sweep"
    )
    experiments: Annotated[Names, option(SWEEP, "Experiments, as VAE_mnist,debug.", "-x")] = (
        "custom",
    )
    seeds: Annotated[
        int,
        Field(ge=1, le=10_000),
        option(
            SWEEP, "Runs of each setting, with the seeds 1, 2, ...; --grid seed=7,9 names them."
        ),
    ] = 1
    grid: Annotated[
        tuple[str, ...],
        option(
            SWEEP,
            "An option of the runs and its values, as btcvae_B=1,4,8; several make every "
            "combination. One value is for all runs. A loss's own options touch its runs only.",
        ),
    ] = ()
    processes: Annotated[
        Count | None,
        NoneFromText,
        option(SWEEP, "Runs at a time, which share the cores; `None`: one a core."),
    ] = None
    executor: Annotated[
        Literal["local", "ray"],
        option(SWEEP, "Processes of this machine, or a Ray cluster (disvae[ray])."),
    ] = "local"
    address: Annotated[
        str,
        Field(pattern=r"^[^:\s]+:\d{1,5}$"),
        option(SWEEP, "Of the Ray cluster; by default that of `ray start --head`."),
    ] = "127.0.0.1:6379"
    gpus_per_run: Annotated[
        float,
        Field(ge=0, le=1024),
        option(SWEEP, "Share of a GPU that a run takes on a Ray cluster."),
    ] = 0
    dry_run: Annotated[bool, option(SWEEP, "Only say what would run, and what it may take.")] = (
        False
    )
    retry: Annotated[bool, option(SWEEP, "Run again what failed before.")] = False
