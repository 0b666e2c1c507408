"""Places of blocks."""

from densa.descriptors import Place


def test_the_image_ends_where_the_block_does_unless_its_size_is_known():
    assert Place().image_size((3, 4)) == (3, 4)
    assert Place(10, 20).image_size((3, 4)) == (13, 24)
    assert Place(10, 20, (50, 60)).image_size((3, 4)) == (50, 60)
