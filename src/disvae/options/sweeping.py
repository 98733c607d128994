"""The options of ``disvae sweep``."""

from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import Field

from disvae.options.common import SWEEP, Places, flag
from disvae.options.scoring import Names, ScoreOptions
from disvae.types import Count, NoneFromText


class SweepOptions(Places, ScoreOptions):
    """Which runs make a sweep, and where they run."""

    name: Annotated[
        str, Parameter(group=SWEEP, help="Folder of the sweep in the results; `.`: the results.")
    ] = "sweep"
    experiments: Annotated[
        Names,
        Parameter(alias="-x", group=SWEEP, negative="", help="Experiments, as VAE_mnist,debug."),
    ] = ("custom",)
    seeds: Annotated[
        Annotated[int, Field(ge=1, le=10_000)],
        Parameter(
            group=SWEEP,
            help="Runs of each setting, with the seeds 1, 2, ...; --grid seed=7,9 names them.",
        ),
    ] = 1
    grid: Annotated[
        tuple[str, ...],
        Parameter(
            group=SWEEP,
            negative="",
            help="An option of the runs and its values, as btcvae_B=1,4,8; several make every "
            "combination. One value is for all runs. A loss's own options touch its runs only.",
        ),
    ] = ()
    processes: Annotated[
        Count | None,
        NoneFromText,
        Parameter(group=SWEEP, help="Runs at a time, which share the cores; `None`: one a core."),
    ] = None
    executor: Annotated[
        Literal["local", "ray"],
        Parameter(group=SWEEP, help="Processes of this machine, or a Ray cluster (disvae[ray])."),
    ] = "local"
    address: Annotated[
        Annotated[str, Field(pattern=r"^[^:\s]+:\d{1,5}$")],
        Parameter(group=SWEEP, help="Of the Ray cluster; by default that of `ray start --head`."),
    ] = "127.0.0.1:6379"
    gpus_per_run: Annotated[
        Annotated[float, Field(ge=0, le=1024)],
        Parameter(group=SWEEP, help="Share of a GPU that a run takes on a Ray cluster."),
    ] = 0
    dry_run: Annotated[bool, flag(SWEEP, "Only say what would run, and what it may take.")] = False
    retry: Annotated[bool, flag(SWEEP, "Run again what failed before.")] = False
