"""Helpers of all region methods."""
