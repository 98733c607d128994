"""What several scores estimate with."""
