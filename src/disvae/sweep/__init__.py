"""Many runs from one description: made, executed, summarised."""
