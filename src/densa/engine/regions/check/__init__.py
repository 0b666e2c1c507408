"""The axioms of a partition, verified on rasters of any size."""
