"""The user's own images."""
