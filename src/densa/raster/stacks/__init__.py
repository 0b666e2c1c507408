"""Stacks of images in one TIFF: channels, slices and times."""
