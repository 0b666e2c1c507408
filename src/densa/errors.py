"""The one exception for what a caller can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    """What was given cannot be used; the message says what must hold, what was given and what to do.

    The command line prints the message alone and exits with 2. Every other exception is a defect of densa.
    """
