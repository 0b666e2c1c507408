"""Operators of dense prediction and what they do to a network's field of view."""

from densa.operators.receptive_field import ReceptiveField, receptive_field

__all__ = ["ReceptiveField", "receptive_field"]
