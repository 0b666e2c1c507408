"""Verbs that serve the maps and runs that there are: samples of maps, model cards."""
