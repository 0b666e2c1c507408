"""Jobs that any executor runs, and the journal that resumes them."""
