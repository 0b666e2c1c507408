"""The exception for input that the caller can correct."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Invalid input; the message says what must hold, what was given and what to do.

    The command line prints the message without a traceback and exits with 2. Any other exception is a bug in densa.

    Examples:
        >>> import densa
        >>> try:
        ...     densa.Legend(("road", "road"))
        ... except densa.InputError as error:
        ...     print(error)
        class names must differ, got 'road' twice; give each class a different one
    """
