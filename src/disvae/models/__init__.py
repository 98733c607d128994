"""Models: the VAE, its architectures, FactorVAE's discriminator."""
