"""The exception for input that the caller can correct."""

__all__ = ["InputError", "one_line"]


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


def one_line(error: object) -> str:
    """What an exception (or a library's text) says, in one line; the name of its type where it says nothing.

    Examples:
        >>> from densa.errors import one_line
        >>> one_line(ValueError("expected a number\\n  in line 3"))
        'expected a number in line 3'
    """
    return " ".join(str(error).split()) or type(error).__name__
