"""Samplers of training patches."""
