"""The exception for input that the caller can correct."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Invalid input; the message says what must hold, what was given and what to do.

    The command line prints the message without a traceback and exits with 2. Any other exception is a bug in densa.
    """
