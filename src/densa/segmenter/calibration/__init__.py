"""Calibration of a trained model: scaled probabilities, fitted to labelled pixels, kept in `model.json`."""
