"""Objectives: what training minimises, one file a paper; importing them needs no PyTorch.

In a loop of your own, with a model and images of your own:

>>> import torch
>>> from disvae import VAE
>>> from disvae.objectives import TCVAE
>>> images = torch.rand(32, 1, 32, 32).round()
>>> vae, objective = VAE((1, 32, 32), latent_dim=4), TCVAE(B=6, reg_anneal=100)
>>> optimiser = torch.optim.Adam(vae.parameters(), lr=1e-3)
>>> for step in (1, 2):
...     losses, terms = objective.step(vae, images, objective.at(step, n_images=len(images)))
...     optimiser.zero_grad()
...     losses[0].loss.backward()
...     optimiser.step()
>>> list(terms)[:4]
['loss', 'recon_loss', 'mi_loss', 'tc_loss']
"""

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
