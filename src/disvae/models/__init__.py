"""Models: a VAE of the Burgess architecture, and FactorVAE's discriminator."""

from disvae.models.discriminator import Discriminator
from disvae.models.vae import VAE

__all__ = ["VAE", "Discriminator"]
