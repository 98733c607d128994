"""Objectives: what training minimises, one file a paper; importing them needs no PyTorch."""

from disvae.objectives.beta_vae import BetaVAE, PlainVAE
from disvae.objectives.capacity import Capacity
from disvae.objectives.dip_vae import DIPVAEI, DIPVAEII
from disvae.objectives.factor_vae import FactorVAE
from disvae.objectives.objective import Critic, Minimise, Moment, Objective
from disvae.objectives.registry import OBJECTIVES
from disvae.objectives.tc_vae import TCVAE

__all__ = [
    "DIPVAEI",
    "DIPVAEII",
    "OBJECTIVES",
    "TCVAE",
    "BetaVAE",
    "Capacity",
    "Critic",
    "FactorVAE",
    "Minimise",
    "Moment",
    "Objective",
    "PlainVAE",
]
