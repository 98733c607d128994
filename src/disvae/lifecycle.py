"""The life of a run: created, trained, tested, drawn."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning_fabric import Fabric

from disvae import metrics
from disvae.data import Dataset, load_dataset
from disvae.errors import UserError
from disvae.models import VAE
from disvae.models.burgess import check_image_shape
from disvae.objectives import FactorVAE, Objective
from disvae.options import Computing, Options, resolve
from disvae.plots.animations import training_frame, write_gif
from disvae.plots.matrices import write_matrices
from disvae.run import Run
from disvae.run_folder import create_run, run_path
from disvae.training.loop import Epoch, Schedule, train_epochs
from disvae.training.setup import Learners, make_fabric, make_learners, make_objective
from disvae.training.testing import test_losses

logger = logging.getLogger("disvae")
_DOCUMENTED = ("mig", "aam")  # the scores of --is-metrics


def train(name: str, **options: Any) -> Run:
    """Train a VAE and write the run ``<results_dir>/<name>``; test it unless ``no_test``.

    Parameters
    ----------
    name
        Name of the run. A run of that name is kept, as a zip file.
    **options
        Of `disvae.options.Options`: those of the command line, with underscores.

    Raises
    ------
    UserError
        If an option is bad, the dataset cannot be had, or a loss is not finite.

    Examples
    --------
    >>> run = disvae.train("first", dataset="dsprites", loss="btcvae")  # doctest: +SKIP
    """
    given = dict(options)
    chosen = resolve(given)
    path = run_path(chosen.results_dir, name)
    fabric = make_fabric(chosen, chosen.precision)
    fabric.launch()
    seed = fabric.broadcast(secrets.randbits(32) if chosen.seed is None else chosen.seed)
    dataset = _dataset(fabric, chosen, seed)
    if chosen.is_metrics:
        metrics.plan(_DOCUMENTED, *metrics.provided(dataset))  # rather than after hours of training
    held_out = dataset if chosen.split == "train" else _dataset(fabric, chosen, seed, "test")
    schedule = _schedule(fabric, chosen, dataset, seed)
    _make_deterministic(seed)
    learners = make_learners(fabric, chosen, dataset.image_shape)
    if fabric.world_size > 1:
        torch.manual_seed(seed + 1 + fabric.global_rank)  # equal weights, but own noise
    objective = make_objective(chosen, len(dataset), learners.discriminator)

    run = None
    if fabric.is_global_zero:
        facts = {
            "img_size": list(dataset.image_shape),
            "n_data": len(dataset),
            "background": dataset.background,
            "used": {
                "epochs": schedule.epochs,
                "batch_size": schedule.images_per_step,
                "seed": seed,
                "device": str(fabric.device),
            },
        }
        run = create_run(path, chosen, given, facts)
    epochs = train_epochs(
        fabric, learners, objective, dataset, schedule, not chosen.no_progress_bar
    )
    _keep(run, learners, epochs, chosen)
    fabric.barrier()
    if run is None:
        raise SystemExit(0)  # the first process goes on alone
    if not chosen.no_test:
        _test(run, _bare(learners), objective, held_out, fabric.device, chosen)
    if chosen.is_metrics:
        score(run, chosen)
    return run


def evaluate(run: Run, where: Computing) -> None:
    """Compute the test losses of a finished run, with the options saved in it.

    The terms of FactorVAE that need its discriminator, which no run keeps, are left out.

    Parameters
    ----------
    run
        The run.
    where
        On which device, and on which split of the data.
    """
    fabric = make_fabric(where)
    dataset = run.dataset(where.data_dir, where.split)
    model = run.model.to(fabric.device)
    # as in training: what is estimated is the aggregate posterior of the training images
    objective = make_objective(run.options, len(run.dataset(where.data_dir)))
    _test(run, model, objective, dataset, fabric.device, where)


def score(
    run: Run,
    where: Computing,
    names: Sequence[str] = _DOCUMENTED,
    factor_subset: Sequence[str] = (),
    repeats: int = 1,
    settings: metrics.Settings | None = None,
) -> dict[str, Any]:
    """Compute scores of a finished run; write them to ``metrics.log``, and their matrices.

    Parameters
    ----------
    run
        The run.
    where
        On which device; its seed is that of the sampled scores.
    names
        Scores, or ``("all",)``; see `disvae.metrics.SCORES`.
    factor_subset
        Names of the factors to score; default: all.
    repeats, settings
        As for `disvae.metrics.evaluate`.

    Returns
    -------
    dict
        As `disvae.metrics.evaluate` gives it.

    Raises
    ------
    UserError
        If a score, setting or factor is unknown, or the dataset does not have the factors.
    """
    chosen: dict[str, Any] = {
        "seed": where.seed,
        "repeats": repeats,
        "settings": settings,
        "factor_subset": factor_subset or None,
    }
    metrics.plan(names, *metrics.provided(run.dataset(where.data_dir)), **chosen)
    device = make_fabric(where).device
    batch_size, bar = run.options.eval_batchsize, not where.no_progress_bar
    table = metrics.encode(run, where.data_dir, device, batch_size, bar)
    results = metrics.evaluate(
        table,
        names,
        **chosen,
        progress=lambda name, number, total: logger.info(
            "Score %d/%d: %s", number + 1, total, name
        ),
    )
    run.merge_metrics(results)
    write_matrices(run.path, results, table.kl())
    return results


def _dataset(fabric: Fabric, options: Options, seed: int, split: str = "train") -> Dataset:
    """Open the dataset; only one process prepares it."""

    def load() -> Dataset:
        return load_dataset(
            options.dataset,
            options.data_dir,
            split=split,
            train_fraction=options.train_fraction,
            seed=seed,
            image_size=options.image_size,
        )

    dataset = load() if fabric.is_global_zero else None
    fabric.barrier()
    dataset = dataset or load()
    check_image_shape(dataset.image_shape)
    return dataset


def _schedule(fabric: Fabric, options: Options, dataset: Dataset, seed: int) -> Schedule:
    # FactorVAE takes two batches a step, and so twice the epochs for the same steps
    factor = FactorVAE.batches_per_step if options.loss == "factor" else 1
    images_per_step = options.batch_size * factor
    if images_per_step % fabric.world_size:
        raise UserError(
            f"{images_per_step} images a step cannot be shared by {fabric.world_size} devices; "
            "choose a --batch-size that is a multiple."
        )
    return Schedule(options.epochs * factor, images_per_step, options.max_steps, seed)


def _make_deterministic(seed: int) -> None:
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def _keep(run: Run | None, learners: Learners, epochs: Iterator[Epoch], options: Options) -> None:
    """Train, and keep what comes of it: logs, checkpoints, the film, the last weights."""
    log: list[dict[str, float]] = []
    film = []
    for epoch in epochs:
        if run is None:
            continue
        model = _bare(learners).eval()
        log.append(epoch.terms)
        run.write_losses(log)
        logger.info(
            "Epoch %d: loss %.2f, %.0f images/s",
            epoch.number + 1,
            epoch.terms["loss"],
            epoch.images_per_second,
        )
        if (epoch.number + 1) % options.checkpoint_every == 0:
            run.write_model(model, epoch.number + 1)
        film.append(training_frame(model, run.background))
    if run is not None:
        run.write_model(_bare(learners))
        write_gif(run.path / "training.gif", film, frames_per_second=1)


def _bare(learners: Learners) -> VAE:
    """Return the VAE without the wrapping for devices and precision."""
    model = learners.vae.module
    while hasattr(model, "module"):
        model = model.module
    assert isinstance(model, VAE)  # noqa: S101
    return model


def _test(
    run: Run,
    model: VAE,
    objective: Objective,
    dataset: Dataset,
    device: torch.device,
    where: Computing,
) -> None:
    terms = test_losses(
        model,
        objective,
        dataset,
        run.options.eval_batchsize,
        device,
        not where.no_progress_bar,
    )
    run.write_test_losses(terms)
    logger.info("Test: %s", ", ".join(f"{name} {value:.4g}" for name, value in terms.items()))
