"""Files written whole or not at all, and files of tensors of whatever origin."""
