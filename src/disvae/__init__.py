"""Disentangled representation learning with variational autoencoders."""

__version__ = "0.1.0"
