"""ControlVAE (Shao et al. 2020): a controller sets beta so that the KL reaches a set point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import model_validator

from disvae.objectives.objective import Minimise, Moment, Objective
from disvae.types import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from torch import Tensor, nn

    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import VAEOutput


class ControlVAE(Objective):
    """``recon + beta * KL`` with beta from a controller of the KL (Shao et al. 2020, equation 9).

    With the error ``e = C - KL`` of the batch, the integral ``I = clip(I - Ki * e, 0, max - min)``
    and ``beta = clip(min + Kp / (1 + exp(e)) + I, min, max)``. What is annealed is the set point
    C, from `initC` to `finC`. Beta is at least `min`, so C must lie below the KL that a VAE has by
    itself: train one and read it.

    Published for dSprites: Kp 0.01, Ki 0.001, min 1, C from 0.5 to 16 or 18 by 0.15 every 5,000
    steps, Adam 1e-4, 1.5 million steps. What differs: C rises evenly; and the published law keeps
    I as it is whenever beta was below `min`, so that after one step with a small KL it stays there
    for ever, whatever the KL. Clipping I has the same gains and always comes free.
    """

    name: ClassVar = "control"
    title: ClassVar = "ControlVAE"
    paper: ClassVar = "Shao et al. 2020, ControlVAE: Controllable Variational Autoencoder"
    cost: ClassVar = 1.0

    initC: Annotated[Weight, "Starting annealed set point of the KL, in nats."] = 0.5
    finC: Annotated[Weight, "Final annealed set point of the KL, in nats."] = 18
    Kp: Annotated[Weight, "Gain of the controller's proportional part."] = 0.01
    Ki: Annotated[Weight, "Gain of the controller's integral, a nat and step."] = 0.001
    min: Annotated[Weight, "Least weight of the KL."] = 1
    max: Annotated[Weight, "Largest weight of the KL."] = 100

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.min > self.max:
            excess = f"{self.min:g} is more than {self.max:g}"
            raise ValueError(f"control_min must be at most control_max, but {excess}")
        return self

    def start_state(self) -> dict[str, Tensor]:
        """Make the controller's integral, and the weight that it set last."""
        import torch

        return {"integral": torch.zeros(()), "beta": torch.tensor(float(self.min))}

    def step(self, vae: nn.Module, images: Images, at: Moment) -> tuple[list[Minimise], Terms]:
        """Set the weight by the KL of this batch, then minimise with it."""
        output = vae(images, self.transform)
        kl = output.posterior.kl().detach().sum(1).mean().float()
        set_point = self.initC + (self.finC - self.initC) * at.progress
        self.control(at.state, kl, set_point)
        terms = self.terms(output, images, at)
        return [Minimise(terms["loss"], vae)], terms

    def control(self, state: Mapping[str, Tensor], kl: Float[Tensor, ""], set_point: float) -> None:
        """Set integral and weight in `state`, by the KL in nats; one that is not finite is skipped.

        On the device, which never waits.
        """
        import torch

        integral = (state["integral"] + self.Ki * (kl - set_point)).clamp(0, self.max - self.min)
        proportional = self.Kp * torch.sigmoid(kl - set_point)
        beta = (self.min + proportional + integral).clamp(self.min, self.max)
        for name, value in (("integral", integral), ("beta", beta)):
            state[name].copy_(torch.where(kl.isfinite(), value, state[name]))

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, kl_weight, kl_loss, kl_loss_j``.

        Without the weight, which no finished run keeps: those that need none.
        """
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        if "beta" not in at.state:
            return {"recon_loss": recon, **kl}
        beta = at.state["beta"].clone()  # the next step changes it in place
        return {"loss": recon + beta * kl["kl_loss"], "recon_loss": recon, "kl_weight": beta, **kl}
