"""Descriptors of pixels: features that the pixels around a pixel decide."""
