"""Where to compute, and how the process is prepared for it."""
