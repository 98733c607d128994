"""What every objective keeps: finite terms, gradients in their place, training that resumes."""

from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from disvae.data.dataset import Dataset
from disvae.data.prepare import load_dataset
from disvae.data.store import Manifest, building
from disvae.models.vae import VAE
from disvae.objectives import Objective
from disvae.objectives.terms import Terms
from disvae.testing import require
from disvae.training import checkpoint, loop
from disvae.training.learners import Learners, make_learners

_SIZE, _LATENTS, _BATCH = 32, 3, 8
_FACTORS = {"top": 6, "left": 6, "side": 2}


def check_objective(objective: Objective, folder: Path) -> None:
    """Check what training and evaluation ask of an objective, on 72 small images.

    Its terms are finite scalars, ``loss`` and ``recon_loss`` among them; each loss that it
    minimises moves its own module, and every critic has one; in evaluation it gives the same
    terms twice, and at least ``recon_loss`` without its critics; a training that is interrupted
    goes on bit for bit. Its weights should be small, so that a few steps stay finite; `folder` is
    an empty one, to write into.

    Examples
    --------
    >>> from disvae.objectives import BetaVAE
    >>> check_objective(BetaVAE(B=2), tmp_path)  # in a test: pytest gives tmp_path
    """
    dataset = small_dataset(folder / "squares")
    _check_terms(objective, dataset)
    _check_evaluation(objective, dataset)
    _check_resuming(objective, dataset, folder / "checkpoint.pt")


def small_dataset(folder: Path) -> Dataset:
    """Prepare 72 images of squares, with factors, in the new folder `folder`."""
    sizes = tuple(_FACTORS.values())
    grid = np.indices(sizes).reshape(len(sizes), -1).T
    images = np.zeros((len(grid), 1, _SIZE, _SIZE), np.uint8)
    for image, (top, left, side) in zip(images, grid * (4, 4, 1), strict=True):
        image[0, top : top + 6 + 6 * side, left : left + 6 + 6 * side] = 255
    manifest = Manifest(
        name=folder.name, image_shape=(1, _SIZE, _SIZE), splits={"train": len(images)},
        background="black", factors=_FACTORS, packed=False, source={"images": "computed"},
    )  # fmt: skip
    with building(folder, manifest) as builder:
        builder.append(images)
        builder.write_factor_grid()
    return load_dataset(folder)


def _learners(objective: Objective, dataset: Dataset) -> tuple[Fabric, Learners]:
    fabric = Fabric(accelerator="cpu", devices=1)
    torch.manual_seed(0)
    vae = VAE(dataset.image_shape, _LATENTS)
    return fabric, make_learners(fabric, vae, objective, lr=1e-3)


def _check_terms(objective: Objective, dataset: Dataset) -> None:
    fabric, learners = _learners(objective, dataset)
    n_images = _BATCH * objective.batches_per_step
    images = dataset.images(slice(0, n_images)).float() / 255
    at = objective.at(1, len(dataset), learners.critics, learners.state)
    if objective.needs_factors and dataset.factors is not None:
        at = at._replace(factors=torch.from_numpy(dataset.factors[:n_images]))
    losses, terms = objective.whole_step(learners.vae, images, at)
    require({"loss", "recon_loss"} <= terms.keys(), "The terms lack loss or recon_loss.")
    for name, value in terms.items():
        require(value.shape == () and value.isfinite(), f"{name} is no finite scalar.")
    moved = [id(parameter) for _, module in losses for parameter in module.parameters()]
    learning = [id(p) for module in learners.modules for p in module.parameters()]
    require(sorted(moved) == sorted(learning), "Each module needs one loss, and only one.")
    loop.accumulate_gradients(fabric, losses)
    for module in learners.modules:
        for name, parameter in module.named_parameters():
            require(parameter.grad is not None, f"No gradient reaches {name}.")


def _check_evaluation(objective: Objective, dataset: Dataset) -> None:
    _, learners = _learners(objective, dataset)
    vae = learners.bare_vae.eval()
    images = dataset.images(slice(0, _BATCH)).float() / 255
    with torch.inference_mode():
        at = objective.at(1, len(dataset), learners.critics, learners.state)
        once, twice = (objective.evaluate(vae, images, at) for _ in range(2))
        alone = objective.evaluate(vae, images)
    require(once == twice, "In evaluation mode the terms differ from call to call.")
    require("recon_loss" in alone, "Without its critics an objective still has recon_loss.")


def _check_resuming(objective: Objective, dataset: Dataset, path: Path) -> None:
    undisturbed = _train(objective, dataset, path, stop=None)
    for stop in (2, 12):  # in the first epoch, and in a later one
        _train(objective, dataset, path, stop)
        resumed = _train(objective, dataset, path, stop=None)
        path.unlink()
        for name, value in undisturbed.items():
            require(
                torch.equal(value, resumed[name]),
                f"{name} differs between a training and one that stopped after {stop} steps and "
                "went on; keep what changes in start_state.",
            )


def _train(objective: Objective, dataset: Dataset, path: Path, stop: int | None) -> Terms:
    """Train for two epochs from the checkpoint, if there is one; return all that was learned."""
    fabric, learners = _learners(objective, dataset)
    per_step = _BATCH * objective.batches_per_step
    schedule = loop.Schedule(2 * objective.batches_per_step, per_step, None, seed=0)
    start = loop.BEGINNING

    def is_possible(at: loop.Position) -> bool:
        return loop.is_on_the_way(fabric, schedule, objective, dataset, at)

    torch.manual_seed(1)
    if path.exists():
        start, _ = checkpoint.restore(path, fabric, learners, is_possible, lambda *_: None)
    for event in loop.train_epochs(
        fabric, learners, objective, dataset, schedule, False, start, lambda: stop is not None
    ):
        if isinstance(event, loop.Pause) and event.position.step == stop:
            parts = [checkpoint.own_part(fabric, learners, event.position)]
            checkpoint.save(path, fabric, learners, event.position, parts, None)
            return {}
    learned = {
        f"{number}.{name}": value
        for number, module in enumerate(learners.modules)
        for name, value in module.state_dict().items()
    }
    return learned | learners.state
