"""Normalized cuts of pixel graphs, region graphs and weighted graphs."""
