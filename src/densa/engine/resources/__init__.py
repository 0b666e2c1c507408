"""Memory: budgets, estimates, and running out of it."""
