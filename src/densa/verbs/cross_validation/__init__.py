"""Methods compared, and labels examined, by models that were trained on the other folds."""
