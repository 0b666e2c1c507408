"""Shapes and points of napari's CSV."""

import numpy as np
import pytest

from densa.datasets.strokes import draw_strokes, read_strokes
from densa.errors import InputError

HEAD = "index,shape-type,vertex-index,axis-0,axis-1"
CORNERS = [(1.5, 2.5), (1.5, 7.5), (4.5, 7.5), (4.5, 2.5)]


def save(path, *lines, head=HEAD):
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_shapes_with_a_column_of_classes(tmp_path):
    path = save(
        tmp_path / "shapes.csv",
        *(
            f"0,rectangle,{k},{y},{x},field,"
            for k, (y, x) in enumerate([(1.5, 2.5), (1.5, 7.5), (4.5, 7.5), (4.5, 2.5)])
        ),
        "1,path,0,10,2,road,1",
        "1,path,1,10,9,road,1",
        "2,line,0,12,0,road,1",
        "2,line,1,14,0,road,1",
        head=HEAD + ",class,width",
    )
    path.write_text(path.read_text().replace(",field,\n", ",field,1\n"))
    strokes = read_strokes(path)
    assert strokes.legend.class_names == ("field", "road")
    labels = draw_strokes(strokes, 16, 12)
    expected = np.full((16, 12), 255, np.uint8)
    expected[2:5, 3:8] = 0
    expected[10, 2:10] = 1
    expected[12:15, 0] = 1
    np.testing.assert_array_equal(labels, expected)


def test_the_class_may_be_in_the_name(tmp_path):
    path = save(tmp_path / "scene.road.csv", "0,polygon,0,1,1", "0,polygon,1,1,6", "0,polygon,2,6,6")
    assert read_strokes(path).legend.class_names == ("road",)


def test_ellipses(tmp_path):
    lines = [f"0,ellipse,{k},{y},{x}" for k, (y, x) in enumerate([(0, 0), (0, 20), (10, 20), (10, 0)])]
    labels = draw_strokes(read_strokes(save(tmp_path / "a.cell.csv", *lines)), 11, 21)
    rows, columns = np.indices((11, 21))
    inside = ((columns - 10) / 10) ** 2 + ((rows - 5) / 5) ** 2
    assert (labels[inside < 0.95] == 0).all()
    assert (labels[inside > 1] == 255).all()


def test_points(tmp_path):
    path = save(tmp_path / "points.csv", "0,4,7,cell", "1,8,2,ground", head="index,axis-0,axis-1,label")
    strokes = read_strokes(path)
    assert [stroke.points for stroke in strokes.strokes] == [((7, 4),), ((2, 8),)]
    assert strokes.legend.class_names == ("cell", "ground")


@pytest.mark.parametrize(
    ("head", "lines", "said"),
    [
        (HEAD, ["0,path,0,1,1"], "has no class: add a column class"),
        ("index,shape-type,vertex-index,axis-0,axis-1,axis-2,class", ["0,path,0,1,1,1,a"], "3 axes"),
        (HEAD + ",class", [], "holds no shape"),
        ("a,b", ["1,2"], "must have the columns index, shape-type"),
        (HEAD + ",class", ["0,blob,0,1,1,a"], "is a 'blob'; choose from"),
        (HEAD + ",class", ["0,path,0,nan,1,a"], "has 'nan' where a finite number must be"),
        (HEAD + ",class", ["0,path,0,1,1,a,9,9"], "line 2 has more fields"),
        (HEAD + ",class", ["0,path,0,1,1,a", "0,path,1,2,2,b"], "several classes in the column class: a, b"),
        (HEAD + ",class,width", ["0,path,0,1,1,a,0"], "has the width 0.0; it must be above 0"),
        (HEAD + ",class,width", ["0,path,0,1,1,a,-3"], "has the width -3.0; it must be above 0"),
        (HEAD + ",class", ["0,polygon,0,1,1,a"], "must have 3 corners or more"),
        (HEAD + ",class", ["0,path,0,1,1,"], "has no class in the column class"),
    ],
)
def test_mistakes_are_said(tmp_path, head, lines, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        read_strokes(save(tmp_path / "shapes.csv", *lines, head=head))
