"""Objectives: what training minimises, one file a paper; importing them needs no PyTorch."""

from disvae.objectives.beta_vae import BetaVAE, PlainVAE
from disvae.objectives.capacity import Capacity
from disvae.objectives.control_vae import ControlVAE
from disvae.objectives.dip_vae import DIPVAEI, DIPVAEII
from disvae.objectives.factor_vae import FactorVAE
from disvae.objectives.hfs import HFS, HFSTC
from disvae.objectives.info_vae import InfoVAE
from disvae.objectives.objective import Critic, Minimise, Moment, Objective
from disvae.objectives.registry import OBJECTIVES
from disvae.objectives.tc_vae import TCVAE
from disvae.objectives.weak_vae import GVAE, MLVAE, AdaGVAE, AdaMLVAE

__all__ = [
    "DIPVAEI", "DIPVAEII", "GVAE", "HFS", "HFSTC", "MLVAE", "OBJECTIVES", "TCVAE", "AdaGVAE",
    "AdaMLVAE", "BetaVAE", "Capacity", "ControlVAE", "Critic", "FactorVAE", "InfoVAE", "Minimise",
    "Moment", "Objective", "PlainVAE",
]  # fmt: skip
