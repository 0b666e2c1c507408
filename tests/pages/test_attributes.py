import pytest

from densa.errors import InputError
from densa.pages.attributes import read_attribute


def table(folder, text, name="attributes.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_images_are_found_by_name_stem_or_path(tmp_path):
    data = table(tmp_path / "data", "image,weather\na.tif,sun\nsub/b.png,rain\nc,\n")
    found = read_attribute(data, "weather")
    assert [found.of(name) for name in ("a", "sub/b", "train/a", "c", "d")] == [
        "sun", "rain", "sun", "(empty)", "(not in the table)",
    ]  # fmt: skip


def test_a_stem_with_a_dot_is_no_suffix(tmp_path):
    found = read_attribute(table(tmp_path / "data", "image,weather\ntile_0.5m,sun\n"), "weather")
    assert found.of("tile_0.5m") == "sun"


def test_the_table_may_lie_above_and_be_separated_by_semicolons(tmp_path):
    table(tmp_path, "weather;file\nsun;a.tif\n")
    (tmp_path / "data").mkdir()
    assert read_attribute(tmp_path / "data", "weather").of("a") == "sun"


def test_many_numbers_are_quarters(tmp_path):
    rows = "\n".join(f"i{k},{k / 10}" for k in range(40))
    found = read_attribute(table(tmp_path / "data", f"image,clouds\n{rows}\n"), "clouds")
    assert found.grouped
    values = [found.of(f"i{k}") for k in range(40)]
    assert len(set(values)) == 4
    assert all(9 <= values.count(value) <= 11 for value in set(values))
    assert values[0].startswith("1: 0 to")
    assert values[-1].startswith("4: ")


def test_few_numbers_are_values(tmp_path):
    found = read_attribute(table(tmp_path / "data", "image,year\na,2019\nb,2020\n"), "year")
    assert (found.of("a"), found.grouped) == ("2019", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image,sky\na,sun\n",
            r"a \.csv beside the data .* got 'weather'; attributes\.csv: image, sky",
        ),
        ("image,weather\na,sun\na.tif,rain\n", "has 'a.tif' twice, with 'sun' and 'rain'"),
        ("image,weather\na\n", "line 2 of .* has 1 cells, but there are 2 columns"),
        ("weather\nsun\n", "must name the images in a column image, its columns: weather"),
    ],
)
def test_tables_that_do_not_serve(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_attribute(table(tmp_path / "data", text), "weather")


def test_no_table_and_two_tables(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=r"got 'weather'; there is no \.csv"):
        read_attribute(tmp_path / "data", "weather")
    for name in ("one.csv", "two.csv"):
        table(tmp_path / "data", "image,weather\na,sun\n", name)
    with pytest.raises(InputError, match="have the column 'weather'; name one: attributes=FILE"):
        read_attribute(tmp_path / "data", "weather")
    assert read_attribute(tmp_path / "data", "weather", tmp_path / "data" / "one.csv").of("a") == "sun"


def test_evaluate_by_a_column(run_cli, trained, squares, tmp_path):
    import json
    import shutil

    data = shutil.copytree(squares, tmp_path / "squares")
    table(data, "image,weather\nval0.tif,sun\nval1.tif,rain\n")
    code, out, _ = run_cli("evaluate", trained, data, "--by", "weather")
    assert code == 0
    assert "weather rain: mean IoU 1.0000" in out
    assert "over 1 image" in out
    code, out, _ = run_cli("evaluate", trained, data, "--by", "weather", "--json", "-o", tmp_path / "report")
    said = json.loads(out)
    assert said["by"] == "weather"
    assert [group["value"] for group in said["groups"]] == ["rain", "sun"]
    assert sum(group["pixels"] for group in said["groups"]) == said["rules"]["pixels"]
    assert "By weather" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    code, _, err = run_cli("evaluate", trained, data, "--by", "sky")
    assert code == 2
    assert "got 'sky'; attributes.csv: image, weather" in err
    assert err.count("\n") == 1
    assert run_cli("evaluate", trained, data, "--attributes", data / "attributes.csv")[0] == 2
