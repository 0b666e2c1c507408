"""Files of labels: their values, and what they say of themselves."""
