"""One file a family of scores; pure functions of arrays."""
