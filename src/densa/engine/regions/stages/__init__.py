"""Stages of a region method, and what they leave in the work folder."""
