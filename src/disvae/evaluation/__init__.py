"""What a finished run is worth: its codes, test losses and scores."""
