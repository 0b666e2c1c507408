"""Losses, weights, optimisers, schedules, augmentation."""
