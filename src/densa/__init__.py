"""densa labels every pixel of an image: classical, shallow and deep semantic segmentation at any size."""

from importlib.metadata import version

from densa.errors import InputError
from densa.legend import Legend

__all__ = ["InputError", "Legend", "__version__"]
__version__ = version("densa")
