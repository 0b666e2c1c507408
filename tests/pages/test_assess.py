import numpy as np
import pytest

import densa
from densa.errors import InputError
from densa.pages.assess import assessment_lines, is_assessment
from tests.accuracy.maps import place, write_scene


@pytest.fixture
def scene(tmp_path):
    write_scene(tmp_path, place())
    densa.sample(tmp_path / "map.tif", per_class=30, output=tmp_path / "points.csv", progress=False)
    return tmp_path


def test_a_map_and_points_give_an_assessment(scene):
    found = densa.evaluate(scene / "map.tif", scene / "points.csv", reference=scene / "truth.tif", progress=False)
    assert isinstance(found, densa.accuracy.MapAssessment)
    lines = assessment_lines(found)
    assert lines[0].startswith("overall accuracy 0.")
    assert "± 0." in lines[0]
    assert [line.split()[0] for line in lines[2:5]] == ["field", "forest", "road"]


def test_a_report(scene):
    arguments = {"reference": scene / "truth.tif", "output": scene / "report", "progress": False}
    densa.evaluate(scene / "map.tif", scene / "points.csv", **arguments)
    assert sorted(path.name for path in (scene / "report").iterdir()) == ["metrics.json", "report.html"]
    with pytest.raises(InputError, match="exists"):
        densa.evaluate(scene / "map.tif", scene / "points.csv", **arguments)


def test_which_data_are_points(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    assert is_assessment("a.gpkg")
    assert is_assessment("a.gpkg#layer=b")
    assert not is_assessment(tmp_path / "folder.csv")
    assert not is_assessment("masks")


def test_options_of_the_other_kind_are_refused(scene, squares):
    with pytest.raises(InputError, match="with points, predictions must be a map"):
        densa.evaluate(squares, scene / "points.csv")
    with pytest.raises(InputError, match="split has no effect with points"):
        densa.evaluate(scene / "map.tif", scene / "points.csv", split="test")
    masks = squares / "val" / "masks"
    with pytest.raises(InputError, match="reference has no effect: data is no file of points"):
        densa.evaluate(masks, masks, reference=scene / "truth.tif")


def test_a_class_without_points_on_the_map_is_undefined(scene):
    legend = {"classes": [{"name": name} for name in ("field", "forest", "road", "swamp")]}
    import json

    (scene / "legend.json").write_text(json.dumps(legend))
    truth = np.full((120, 150), 3, np.uint8)
    densa.raster.write_bands(scene / "swamp.tif", truth[None], like=place())
    found = densa.evaluate(
        scene / "map.tif",
        scene / "points.csv",
        reference=scene / "swamp.tif",
        legend=scene / "legend.json",
        progress=False,
    )
    assert found.accuracy.overall.value == 0
    assert found.accuracy.areas[3].value == pytest.approx(1)
    assert "undefined" in assessment_lines(found)[5]
