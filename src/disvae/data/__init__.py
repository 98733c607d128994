"""Datasets: catalogue, preparation, memory-mapped images, batches."""

from disvae.data.dataset import Dataset
from disvae.data.prepare import load_dataset

__all__ = ["Dataset", "load_dataset"]
