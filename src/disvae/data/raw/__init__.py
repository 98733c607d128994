"""Files as their authors publish them: fetched, verified, read."""
