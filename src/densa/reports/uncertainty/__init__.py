"""Differences between runs, and learning curves, as text and on pages."""
