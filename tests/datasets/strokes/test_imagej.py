"""Regions of ImageJ: shapes, classes by name or group, and what is refused."""

import contextlib
import zipfile

import numpy as np
import pytest

from densa.datasets.strokes import draw_strokes, read_strokes
from densa.datasets.strokes.imagej import read_rois
from densa.errors import InputError

roifile = pytest.importorskip("roifile")


def region(kind, points, **values):
    roi = roifile.ImagejRoi.frompoints(np.array(points))
    roi.roitype = roifile.ROI_TYPE[kind]
    for name, value in values.items():
        setattr(roi, name, value)
    return roi


def archive(path, regions):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, roi in regions.items():
            file.writestr(name, roi if isinstance(roi, bytes) else roi.tobytes())
    return path


def test_a_set_is_drawn_with_the_names_as_classes(tmp_path):
    path = archive(
        tmp_path / "RoiSet.zip",
        {
            "road-1.roi": region("POLYLINE", [[2, 3], [12, 3]], name="road-1", stroke_width=3),
            "road-2.roi": region("POINT", [[20, 5]], name="road-2"),
            "field.roi": region("POLYGON", [[4, 10], [10, 10], [10, 14], [4, 14]], name="field"),
        },
    )
    strokes = read_strokes(path, height=20, width=30)
    assert strokes.legend.class_names == ("field", "road")
    labels = draw_strokes(strokes, 20, 30)
    assert (labels[2:5, 2:13] == 1).all()
    assert labels[3, 14] == 255
    assert (labels[10:14, 4:10] == 0).all()
    assert (labels == 0).sum() == 24
    assert (labels[3:8, 20] == 1).all()
    assert labels[8, 20] == 255


def test_rectangle_and_oval_are_filled(tmp_path):
    box = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.RECT, top=2, left=3, bottom=6, right=10, name="box")
    oval = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.OVAL, top=8, left=8, bottom=18, right=18, name="oval")
    labels = draw_strokes(read_strokes(archive(tmp_path / "a.zip", {"a.roi": box, "b.roi": oval})), 20, 20)
    expected = np.full((20, 20), False)
    expected[2:6, 3:10] = True
    np.testing.assert_array_equal(labels == 0, expected)
    rows, columns = np.indices((20, 20))
    radius = np.hypot(rows - 12.5, columns - 12.5)
    assert (labels[radius < 4.7] == 1).all()
    assert (labels[radius > 5.1] != 1).all()


def test_groups_are_classes_where_names_are_those_of_imagej(tmp_path):
    regions = {f"{k:04}-0100.roi": region("POINT", [[k, 1]], group=k % 2 + 1, name=f"{k:04}-0100") for k in range(4)}
    strokes = read_strokes(archive(tmp_path / "set.zip", regions))
    assert strokes.legend.class_names == ("group_1", "group_2")
    assert [stroke.label for stroke in strokes.strokes] == [0, 1, 0, 1]
    (tmp_path / "0001-0002.roi").write_bytes(region("POINT", [[1, 1]], name="0001-0002").tobytes())
    with pytest.raises(InputError, match="has no class: rename it in the ROI Manager"):
        read_strokes(tmp_path / "0001-0002.roi")


def test_a_set_of_another_image_is_refused(tmp_path):
    path = archive(tmp_path / "set.zip", {"a.roi": region("POINT", [[900, 40]], name="a")})
    with pytest.raises(InputError, match=r"outside of the image of 20 x 30 pixels: is it the set of another image"):
        read_rois(path, height=20, width=30)


def test_hostile_archives_are_refused(tmp_path, monkeypatch):
    good = region("POINT", [[1, 1]], name="a").tobytes()
    monkeypatch.setattr("densa.datasets.strokes.imagej.MOST_BYTES", 10_000)
    bomb = archive(tmp_path / "bomb.zip", {f"{k}.roi": b"\0" * 4000 for k in range(3)})
    with pytest.raises(InputError, match="unpacks to 3 regions of 12000 bytes"):
        read_strokes(bomb)
    path = archive(tmp_path / "out.zip", {"../../evil.roi": good})
    assert read_strokes(path).legend.class_names == ("a",)  # nothing is unpacked
    assert not (tmp_path.parent / "evil.roi").exists()
    with pytest.raises(InputError, match=r"holds no \.roi file"):
        read_strokes(archive(tmp_path / "empty.zip", {"a.txt": b"a"}))
    (tmp_path / "no.zip").write_bytes(b"PK\3\4 not a zip")
    with pytest.raises(InputError, match="cannot be read"):
        read_strokes(tmp_path / "no.zip")


@pytest.mark.parametrize("data", [b"", b"Iout", b"Iout" + b"\xff" * 80, b"\0" * 200])
def test_damaged_regions_are_said(tmp_path, data):
    (tmp_path / "a.roi").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.roi"):
        read_strokes(tmp_path / "a.roi")


def test_every_byte_may_be_wrong(tmp_path):
    good = region("POLYLINE", [[2, 3], [12, 3], [5, 9]], name="road").tobytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(good)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        (tmp_path / "a.roi").write_bytes(bytes(data))
        with contextlib.suppress(InputError):
            read_rois(tmp_path / "a.roi", height=100, width=100)
