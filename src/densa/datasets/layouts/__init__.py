"""Layouts of data sets on disk: which image belongs to which mask, one reader per layout."""
