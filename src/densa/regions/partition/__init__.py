"""Partitions: axioms, region graph, statistics, merging."""
