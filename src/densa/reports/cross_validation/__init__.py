"""Cross-validation: the scores of methods over the folds, in a table, a CSV file and a page."""
