"""How masks code their classes, and what goes wrong in it."""
