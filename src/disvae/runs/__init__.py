"""A run: one folder with options, weights and logs."""
