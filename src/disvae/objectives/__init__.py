"""Objectives: what training minimises, one file a paper."""

from disvae.objectives.beta_vae import BetaVAE
from disvae.objectives.capacity import Capacity
from disvae.objectives.factor_vae import FactorVAE
from disvae.objectives.objective import Minimise, Objective
from disvae.objectives.tc_vae import TCVAE

__all__ = ["TCVAE", "BetaVAE", "Capacity", "FactorVAE", "Minimise", "Objective"]
