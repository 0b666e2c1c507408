"""Training settings, recipes and data."""
