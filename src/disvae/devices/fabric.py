"""From options to devices and precision."""

from typing import Literal

import torch
from lightning_fabric import Fabric

from disvae.errors import UserError
from disvae.options import Device

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def make_fabric(options: Device, precision: Precision = "32-true") -> Fabric:
    """Choose devices and precision; `UserError` for what the machine does not have."""
    kind, _, numbers = options.device.partition(":")
    if options.no_cuda and kind in ("auto", "cuda"):
        kind, numbers = "cpu", ""
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch finds no CUDA device here; use --device auto or --device cpu.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UserError("PyTorch finds no mps device here; use --device auto or --device cpu.")
    devices = [int(number) for number in numbers.split(",") if number]
    if devices and max(devices) >= torch.cuda.device_count():
        raise UserError(
            f"--device {options.device}: this machine has the CUDA devices "
            f"0 to {torch.cuda.device_count() - 1}."
        )
    try:
        return Fabric(accelerator=kind, devices=devices or 1, precision=precision)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"--precision {precision} does not work on this device ({error}); "
            "use --precision 32-true."
        ) from None
