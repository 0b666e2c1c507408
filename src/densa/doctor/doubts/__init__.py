"""Labels that a trained model doubts: scores, ranks, tables and pictures."""
