"""What resuming is refused for."""

import pytest

from densa.engine import Work, predict_to_file
from densa.errors import InputError


def refused(said, segmenter, image, files, *, tile_size=None, **options):
    with pytest.raises(InputError, match=said):
        predict_to_file(segmenter, image, files, Work(tile_size=tile_size, resume=True), **options)
