"""Calibration of class probabilities."""
