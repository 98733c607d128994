"""Datasets: catalogue, preparation, memory-mapped images, batches."""
