"""Layouts of published data sets, with their classes: one reader each."""
