"""The commands that make runs and read them: train, eval, score, plot, grid."""

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from disvae.cli.listing import print_scores
from disvae.data.catalogue.registry import require_known
from disvae.options import (
    GENERAL,
    PLOT,
    SCORES,
    Computing,
    Opening,
    PlotOptions,
    RunOptions,
    ScoreOptions,
    UserCode,
)
from disvae.options.common import FLAT, SEED_HELP, TRAINING, ResultsDir, option
from disvae.options.user_code import brought, load_scores
from disvae.plots.registry import PLOTS
from disvae.runs.find import find_run, opened
from disvae.types import Seed

if TYPE_CHECKING:
    from disvae.runs.run import Run

Name = Annotated[str, option(GENERAL, "Name of the model for storing or loading purposes.")]
Existing = Annotated[
    str, option(GENERAL, "Name of the run, path of its folder or zip file, or zoo:NAME.")
]
Out = Annotated[
    Path | None,
    option(
        GENERAL,
        "Folder for what is written; default: the run's, of a zip file or the zoo results/NAME.",
    ),
]
if TYPE_CHECKING:
    PlotType = str
else:  # the choices are computed, which type checkers cannot follow
    PlotType = Literal[(*PLOTS, "all")]
_PLOTS = " ".join(f"`{name}`: {known.help}" for name, known in PLOTS.items())


def train_command(record: type[RunOptions]) -> Callable[..., None]:
    """Make the command `train`, with the options of `record`."""

    def train(
        name: Name,
        /,
        *,
        options: Annotated[RunOptions, FLAT] = record(),  # noqa: B008
        resume: Annotated[
            bool,
            option(
                TRAINING,
                "Go on with the run NAME where it was interrupted, with the options it has; with "
                "more --epochs or --max-steps, beyond its end.",
            ),
        ] = False,
    ) -> None:
        """Train and evaluate a disentangled VAE; the run is kept in `results/NAME`.

        Options that you type win over those of the experiment, which win over the defaults.
        """
        logging.getLogger("disvae").setLevel(options.log_level)
        given = {field: getattr(options, field) for field in options.model_fields_set}
        if options.is_eval_only:
            _evaluate_only(name, options, brought(given))
            return
        if resume:
            find_run(name, options.results_dir)  # a typo is told before PyTorch is loaded
        else:
            require_known(options.dataset, options.data_dir)
        from disvae.training.train import train as train_run

        run = train_run(name, resume=resume, **given)
        if run.options.is_metrics:
            print_scores(run.metrics, run.path / "metrics.log")
        print(f"The run is in {run.path}")

    train.__annotations__["options"] = Annotated[record, FLAT]
    return train


def chosen_losses(arguments: Sequence[str]) -> list[str]:
    """Return the losses that stand among the arguments of `train`.

    The options of a user's own are known only when it is loaded, before all arguments are read.
    """
    found = []
    for word, after in itertools.pairwise([*arguments, ""]):
        option, equals, value = word.partition("=")
        if option in ("-l", "--loss"):
            found.append(value if equals else after)
    return found


def _evaluate_only(name: str, options: RunOptions, code: Mapping[str, UserCode]) -> None:
    run = opened(name, options.results_dir, code)
    from disvae.evaluation.score import score

    if not options.no_test:
        _test(run, options)
    if options.is_metrics:
        print_scores(score(run, options, options.metrics), run.outputs.file("metrics.log"))


def evaluate(
    name: Existing = "",
    /,
    *,
    where: Annotated[Computing, FLAT] = Computing(),  # noqa: B008
    own: Annotated[Opening, FLAT] = Opening(),  # noqa: B008
    scores: Annotated[ScoreOptions, FLAT] = ScoreOptions(),  # noqa: B008
    out: Out = None,
    list_scores: Annotated[
        bool, option(SCORES, "Explain each score, and stop.", name="--list")
    ] = False,
) -> None:
    """Evaluate a trained model: its test losses, or with --metrics its scores.

    The options of the model are those saved in its run. Scores go to its metrics.log.
    """
    if list_scores:
        _list_scores()
        return
    from disvae.errors import UserError

    logging.getLogger("disvae").setLevel(where.log_level)
    if not name:
        raise UserError("Name the run to evaluate, as in: disvae eval NAME --metrics all.")
    run = opened(name, where.results_dir, own.code, own.at, out)
    if not scores.metrics:
        _test(run, where)
        return
    from disvae.evaluation.score import score as score_run

    results = score_run(run, where, load_scores(scores.metrics), scores)
    print_scores(results, run.outputs.file("metrics.log"))


def score(
    *,
    codes: Annotated[
        Path, option(SCORES, "An .npz file: mean [N, D], optional logvar, factors [N, K].")
    ],
    scores: Annotated[ScoreOptions, FLAT] = ScoreOptions(),  # noqa: B008
    seed: Annotated[Seed, option(SCORES, SEED_HELP, "-s")] = 1234,
) -> None:
    """Score the codes of any model, from arrays in a file.

    The result is printed as JSON, and merged into FILE.metrics.json beside the file.
    """
    from disvae import metrics
    from disvae.metrics.log import merge_scores
    from disvae.storage.files import to_json

    results = metrics.evaluate(
        metrics.read_codes(codes),
        load_scores(scores.metrics) or "all",
        seed=seed,
        repeats=scores.repeats,
        settings=scores.settings,
        factor_subset=scores.metric_factors or None,
        factor_bins=scores.bins,
    )
    print(to_json(merge_scores(codes.with_suffix(".metrics.json"), results)), end="")


def _list_scores() -> None:
    from disvae import metrics

    for name, entry in metrics.SCORES.items():
        needs = f" Needs {', '.join(sorted(entry.needs))}." if entry.needs else ""
        known = [f"{key}={value}" for key, value in metrics.default_settings(entry).items()]
        settings = f" Settings: {', '.join(known)}." if known else ""
        print(f"\n{name:24} {entry.explanation}")
        print(f"{'':24} {entry.formula}")
        print(f"{'':24} {entry.paper}.{needs}{settings}")


def plot(
    name: Existing,
    plots: Annotated[
        tuple[PlotType, ...], option(PLOT, f"The plots to draw. {_PLOTS} `all`: every plot.")
    ],
    /,
    *,
    options: Annotated[PlotOptions, FLAT] = PlotOptions(),  # noqa: B008
    own: Annotated[Opening, FLAT] = Opening(),  # noqa: B008
    out: Out = None,
) -> None:
    """Draw what a trained model learned; the pictures go to its run, `results/NAME`."""
    run = opened(name, options.results_dir, own.code, own.at, out)
    from disvae.plots.gallery import draw

    for path in draw(run, plots, options):
        print(path)


def grid(
    out: Annotated[Path, option(GENERAL, "File to write: .gif or .webp.")],
    runs: Annotated[
        tuple[str, ...],
        option(GENERAL, "Names of the runs, paths of their folders or zip files, or zoo:NAME."),
    ],
    /,
    *,
    columns: Annotated[int, option(PLOT, "Runs side by side.")] = 4,
    results_dir: ResultsDir = Path("results"),
) -> None:
    """Merge the `gif-traversals` of several runs into one labelled grid, row by row."""
    films = [opened(name, results_dir) for name in runs]
    from disvae.plots import animations, montage

    animations.check_place(out)
    animations.write_animation(out, montage.grid(films, columns))
    print(out)


def _test(run: "Run", where: Computing) -> None:
    from disvae.evaluation.test_losses import test

    test(run, where)
    print(f"The test losses are in {run.outputs.file('test_losses.log')}")
