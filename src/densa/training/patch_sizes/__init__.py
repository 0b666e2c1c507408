"""Patch sizes drawn and scored in training (Dynamic Multi-Context)."""
