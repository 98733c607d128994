"""Every dataset that can be had by name, one file each."""
