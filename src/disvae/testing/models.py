"""What an architecture must keep to, so that all else here works on it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.nn.functional as F
from torch import Tensor

from disvae.models.architecture import Architecture, ImageShape
from disvae.models.vae import VAE
from disvae.storage.tensors import read_tensors, require_like, write_tensors

_BATCH, _LATENTS = 3, 5


def check_architecture(architecture: Architecture) -> None:
    """Check `architecture` at each of its sizes, on images of one and of three channels.

    Shapes are right and values finite; a gradient reaches every parameter; a seed decides the
    weights, which go through a file unchanged; in evaluation mode the output is the same each time,
    and that of an image does not depend on the others of its batch.

    Examples
    --------
    >>> from disvae.models.registry import find
    >>> check_architecture(find("Locatello"))
    """
    for size in architecture.image_sizes:
        for channels in sorted({1, min(3, architecture.max_channels)}):
            shape = channels, size, size
            with torch.random.fork_rng(devices=[]):
                for fault in _faults(architecture, shape):
                    raise AssertionError(
                        f"{architecture.name} at {'x'.join(map(str, shape))}: {fault}"
                    )


def _faults(architecture: Architecture, shape: ImageShape) -> Iterator[str]:
    def made(seed: int) -> VAE:
        torch.manual_seed(seed)
        return VAE(shape, _LATENTS, architecture)

    vae, again, other = made(seed=0), made(seed=0), made(seed=1)
    pairs = zip(vae.state_dict().values(), again.state_dict().values(), strict=True)
    if not all(torch.equal(one, other) for one, other in pairs):
        yield "the same seed gives other weights"
    images = torch.rand(_BATCH, *shape)
    yield from _faults_in_training(vae, images)
    vae.eval()
    yield from _faults_in_evaluation(vae, images)
    with TemporaryDirectory() as folder:
        write_tensors(Path(folder) / "model.pt", vae.state_dict())
        state = read_tensors(Path(folder) / "model.pt")
    require_like(state, other.state_dict())
    other.load_state_dict(state)
    if not torch.equal(other.eval()(images).logits, vae(images).logits):
        yield "its state does not hold all that the output depends on"


def _faults_in_training(vae: VAE, images: Tensor) -> Iterator[str]:
    posterior = vae.train().encode(images)
    codes = len(images), vae.latent_dim
    yield from _faults_of("means", posterior.mean, codes)
    yield from _faults_of("log variances", posterior.logvar, codes)
    logits = vae.decoder(posterior.sample())
    yield from _faults_of("logits", logits, tuple(images.shape))
    loss = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    (loss + posterior.kl().sum()).backward()  # type: ignore[no-untyped-call]
    for name, parameter in vae.named_parameters():
        if parameter.grad is None:
            yield f"no gradient reaches {name}; what is not trained should be a buffer"
        elif not parameter.grad.isfinite().all():
            yield f"the gradient of {name} is not finite"


def _faults_of(name: str, values: Tensor, shape: tuple[int, ...]) -> Iterator[str]:
    if values.shape != shape:
        yield f"the {name} have the shape {list(values.shape)}, not {list(shape)}"
    if not values.isfinite().all():
        yield f"the {name} are not finite"


@torch.no_grad()
def _faults_in_evaluation(vae: VAE, images: Tensor) -> Iterator[str]:
    output, again, alone = vae(images), vae(images), vae(images[:1])
    if not torch.equal(output.logits, again.logits):
        yield "in evaluation mode the output differs from time to time"
    for name, whole, one in (
        ("codes", output.posterior.mean, alone.posterior.mean),
        ("logits", output.logits, alone.logits),
    ):
        if not torch.allclose(whole[:1], one, rtol=1e-3, atol=1e-4):
            yield f"in evaluation mode the {name} of an image depend on the others of its batch"
