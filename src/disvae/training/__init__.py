"""Training: the loop, its state on disk, its logs, and the test losses."""
