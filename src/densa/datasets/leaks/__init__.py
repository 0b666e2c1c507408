"""Leaks: images of two splits that show the same pixels or the same place."""

from densa.datasets.leaks.find import Leak, find_leaks
from densa.datasets.leaks.fingerprint import Fingerprint, fingerprint_of, place_of, read_fingerprint

__all__ = ["Fingerprint", "Leak", "find_leaks", "fingerprint_of", "place_of", "read_fingerprint"]
