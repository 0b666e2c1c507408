from pathlib import Path

import pytest

from densa import InputError, Legend
from densa.datasets.codings import (
    check_legend,
    check_one_coding,
    check_storage,
    coding_of_predictions,
    coding_remarks,
)
from densa.datasets.masks import MaskScan
from densa.raster.masks.origin import MaskOrigin

BINARY = Legend(("ground", "disc"))


def scan(name, *values, **more):
    return MaskScan(Path(name), values, (), (), False, **more)


def test_one_coding_of_two_classes():
    check_one_coding([scan("a", 0, 1), scan("b", 0, 1, 255), scan("c", 0, 255)], None)  # 255 is void
    check_one_coding([scan("a", 0, 255), scan("b", 0)], None)
    with pytest.raises(InputError, match=r"some masks hold 0 and 255 \(first: b\), others 0, 1 \(first: a\)"):
        check_one_coding([scan("a", 0, 1), scan("b", 0, 255)], BINARY)
    check_one_coding([scan("a", 0, 1, 2), scan("b", 0, 255)], Legend(("a", "b", "c")))  # void, as the legend says
    check_one_coding([scan("a", 0, 1, 2), scan("b", 255)], None)  # nothing is labelled in b
    with pytest.raises(InputError, match=r"some masks hold 255 \(first: b\), others 0, 1 \(first: a\)"):
        check_one_coding([scan("a", 0, 1), scan("b", 255)], None)


def test_one_colour_at_two_values():
    red, green = (255, 0, 0), (0, 255, 0)
    one = MaskScan(Path("a"), (0, 1), (red, green), ((0, red), (1, green)), False)
    other = MaskScan(Path("b"), (0, 1), (red, green), ((0, green), (1, red)), False)
    same = MaskScan(Path("c"), (1, 2), (red, green), ((1, green), (2, red), (3, red)), False)
    check_one_coding([one, one, same], None)
    check_one_coding([one, other], Legend(("x", "y"), (green, red)))  # read by colour
    check_one_coding([one, other, MaskScan(Path("d"), (), (red, green), (), True)], None)  # beside colours, too
    for legend in (None, Legend(("x", "y"))):
        with pytest.raises(InputError, match=r"#00FF00 is 1 in a and 0 in b"):
            check_one_coding([one, other], legend)


def test_a_legend_for_another_coding():
    check_legend([scan("a", 0, 255), scan("b", 1)], BINARY)
    check_legend([scan("a", 0, 255)], Legend(("a", "b"), codes=(0, 255)))
    with pytest.raises(InputError, match="the masks hold 0 and 255"):
        check_legend([scan("a", 0, 255)], BINARY)


def test_storage():
    check_storage([scan("a", 0, origin=MaskOrigin(None, True, "tifffile.py")), scan("b", 0)])
    with pytest.raises(InputError, match=r"1 of 2 maps are stored with lossy compression \(JPEG; first: a\)"):
        check_storage([scan("a", 0, origin=MaskOrigin("JPEG", False, "")), scan("b", 0)], "maps")
    with pytest.raises(InputError, match="say that 0 is white"):
        check_storage([scan("a", 0, origin=MaskOrigin(None, True, "scanner"))])


def test_remarks_name_what_was_taken():
    scans = [scan("a", 1, missing=(0,), hides=True), scan("b", 1, missing=(0,))]
    assert coding_remarks(scans, Legend(("x", "y"), codes=(1, 2)), "values") == (
        "2 of 2 masks declare 0 as nodata: it is read as not labelled; if it is a class (background), name it in a "
        "legend",
        "1 of 2 masks hide pixels by alpha or a mask: they are not labelled",
    )
    assert "read as the class ground" in coding_remarks(scans[1:], BINARY, "values")[0]
    assert coding_remarks([scan("a", 1, missing=(255,))], BINARY, "values") == ()
    assert "read as the class ground" in coding_remarks(scans[1:], BINARY, "instances")[0]


def test_predictions_are_read_as_the_masks_where_nothing_speaks_against_it():
    how = {"inferred": True, "shows_colors": False}
    assert coding_of_predictions([scan("a", 0, 1, 255)], BINARY, "values", **how) == "values"
    assert coding_of_predictions([], BINARY, "colors", **how) == "colors"
    with pytest.raises(InputError, match="the predictions hold 0, 255"):
        coding_of_predictions([scan("a", 0, 255)], BINARY, "values", **how)
    with pytest.raises(InputError, match="the predictions hold 0, 3"):
        coding_of_predictions([scan("a", 0, 3)], BINARY, "values", **how)
