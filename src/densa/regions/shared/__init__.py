"""Code shared by the region methods."""
