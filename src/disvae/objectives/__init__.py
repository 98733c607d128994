"""Objectives: what training minimises, one file a paper; importing them needs no PyTorch."""

from disvae.objectives.beta_vae import BetaVAE, PlainVAE
from disvae.objectives.capacity import Capacity
from disvae.objectives.factor_vae import FactorVAE
from disvae.objectives.objective import Critic, Minimise, Moment, Objective
from disvae.objectives.registry import OBJECTIVES
from disvae.objectives.tc_vae import TCVAE

__all__ = [
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
