"""The verbs of densa, as functions: train, predict, evaluate, segment, compare; the command line calls these."""
