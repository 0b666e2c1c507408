"""Descriptors of regions: numbers of every region, from the features of its pixels."""
