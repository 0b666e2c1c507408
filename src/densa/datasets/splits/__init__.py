"""Splits into training, validation and test: of scenes, and of blocks of a scene."""
