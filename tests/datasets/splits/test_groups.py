from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densa import InputError, datasets
from densa.datasets import Sample, SplitRule
from densa.datasets.splits.groups import choose_groups, split_samples

sizes = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 20), min_size=2, max_size=30)
shares = st.floats(0.01, 0.99)


def samples_of(sizes):
    return [Sample(f"{g}/{i}", Path(f"{g}/{i}.png"), None, g) for g, n in sizes.items() for i in range(n)]


@given(sizes, st.floats(0.01, 0.49), st.integers(0, 2**32))
def test_no_group_is_cut_and_no_image_lost(sizes, val, seed):
    samples = samples_of(sizes)
    tested = min(sizes)
    rule = SplitRule(val_fraction=val, test_groups=(tested,) if len(sizes) > 2 else (), seed=seed)
    splits = split_samples({"": samples}, rule, {})
    assert {s.group for s in splits.get("test", [])} == set(rule.test_groups)
    assert sorted(s.name for part in splits.values() for s in part) == sorted(s.name for s in samples)
    groups = [{s.group for s in part} for part in splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert splits["train"]
    assert splits["val"]


@given(sizes, shares, st.integers(0, 2**32))
def test_the_share_is_near_what_was_asked(sizes, share, seed):
    chosen = choose_groups(sizes, share, seed)
    assert 0 < len(chosen) < len(sizes)
    held = sum(sizes[group] for group in chosen)
    target = share * sum(sizes.values())
    # At least one group is held out and at least one kept, whatever they weigh.
    largest = max(sizes.values())
    assert abs(held - target) <= largest


@given(sizes, shares, st.integers(0, 2**32), st.randoms())
def test_the_order_of_files_does_not_matter(sizes, share, seed, random):
    shuffled = list(sizes.items())
    random.shuffle(shuffled)
    assert choose_groups(dict(shuffled), share, seed) == choose_groups(sizes, share, seed)


def test_the_split_stays_as_it_was():
    """A model's report names its split by the seed: this must hold on any machine and in later versions."""
    assert choose_groups({f"Tile {i}": 9 for i in range(1, 9)}, 0.25, 0) == {"Tile 2", "Tile 3"}


def test_another_seed_another_split():
    sizes = {str(i): 1 for i in range(30)}
    assert choose_groups(sizes, 0.3, 0) != choose_groups(sizes, 0.3, 1)


def test_defaults_hold_out_a_fifth_where_there_is_no_val(pairs, tmp_path):
    pairs(10)
    assert {split: len(part) for split, part in datasets.open(tmp_path).items()} == {"train": 8, "val": 2}


def test_one_image_is_for_training(pairs, tmp_path):
    pairs(1)
    assert list(datasets.open(tmp_path)) == ["train"]
    with pytest.raises(InputError, match="two groups or more"):
        datasets.open(tmp_path, split=SplitRule(val_fraction=0.5))


def test_a_test_split_is_never_trained_on(pairs, tmp_path):
    pairs(5, "train/images", "train/masks")
    pairs(5, "test/images", "test/masks")
    found = datasets.open(tmp_path, split=SplitRule(val_fraction=0.4))
    files = {split: {sample.image for sample in part.samples} for split, part in found.items()}
    assert {split: len(part) for split, part in files.items()} == {"train": 3, "val": 2, "test": 5}
    assert all("test" in path.parts for path in files["test"])
    assert not files["test"] & (files["train"] | files["val"])


def test_a_split_that_is_there_is_not_made_again(pairs, tmp_path):
    pairs(3, "train/images", "train/masks")
    pairs(3, "val/images", "val/masks")
    with pytest.raises(InputError, match="has its own val split"):
        datasets.open(tmp_path, split=SplitRule(val_fraction=0.5))


def test_loose_images_beside_split_folders(pairs, tmp_path):
    pairs(2, "train/images", "train/masks")
    pairs(2, "images", "masks")
    with pytest.raises(InputError, match="lie in no split's folder"):
        datasets.open(tmp_path)


def test_lists_of_names_and_files(pairs, tmp_path):
    pairs(6)
    (tmp_path / "train.txt").write_text("00\n01.png\n/SegNet/CamVid/train/02.png /SegNet/CamVid/trainannot/02.png\n")
    (tmp_path / "val.txt").write_text("images/03.png\n")
    found = datasets.open(tmp_path)
    assert [s.name for s in found["train"].samples] == ["00", "01", "02"]
    assert [s.name for s in found["val"].samples] == ["03"]
    (tmp_path / "mine.txt").write_text("05\n")
    found = datasets.open(tmp_path, split=SplitRule(lists={"val": tmp_path / "mine.txt"}))
    assert [s.name for s in found["train"].samples] == ["00", "01", "02", "03", "04"]


def test_lists_name_scenes_with_spaces(pairs, tmp_path):
    for tile in (1, 2):
        pairs(2, f"Tile {tile}/images", f"Tile {tile}/masks")
    (tmp_path / "train.txt").write_text("Tile 1/00\nTile 2/01.png\n")
    found = datasets.open(tmp_path, split=SplitRule(val_fraction=0))
    assert [s.name for s in found["train"].samples] == ["Tile 1/00", "Tile 2/01"]
    (tmp_path / "train.txt").write_text("00\n")
    with pytest.raises(InputError, match="names several"):
        datasets.open(tmp_path)


def test_every_wrong_line_of_the_lists_is_named(pairs, tmp_path):
    pairs(3)
    (tmp_path / "train.txt").write_text("00\n01\nnowhere\n")
    (tmp_path / "val.txt").write_text("01\n02\n")
    with pytest.raises(InputError, match=r"2 problems.*nowhere.*'01' is also in the list of train"):
        datasets.open(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        datasets.open(tmp_path, split=SplitRule(lists={"val": tmp_path / "missing.txt"}))


def test_groups_from_names(write, tmp_path):
    for name in ("area1_0", "area1_512", "area2_0", "area2_512"):
        write(f"images/{name}.png", (4, 5))
        write(f"masks/{name}.png", [[0, 1, 0, 1, 0]] * 4)
    found = datasets.open(tmp_path, split=SplitRule(group_by=r"^(area\d+)_", val_groups=("area2",)))
    assert [s.name for s in found["val"].samples] == ["area2_0", "area2_512"]
    with pytest.raises(InputError, match="does not match"):
        datasets.open(tmp_path, split=SplitRule(group_by="tile"))
    with pytest.raises(InputError, match="not a regular expression"):
        datasets.open(tmp_path, split=SplitRule(group_by="("))
    with pytest.raises(InputError, match="the data set has area1, area2"):
        datasets.open(tmp_path, split=SplitRule(group_by=r"area\d", val_groups=("area3",)))


def test_scenes_may_be_cut_on_request():
    splits = split_samples({"": samples_of({"scene": 10})}, SplitRule(val_fraction=0.3, by="image"), {})
    assert {split: len(part) for split, part in splits.items()} == {"train": 7, "val": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"val_fraction": 1.0}, {"val_fraction": -0.1}, {"val_fraction": 0.5, "test_fraction": 0.5},
        {"val_fraction": 0.1, "val_groups": ("a",)}, {"test_fraction": 0.1, "test_groups": ("a",)}, {"by": "pixel"},
        {"lists": {"dev": Path("dev.txt")}},
    ],
)  # fmt: skip
def test_rules_that_make_no_sense(wrong):
    with pytest.raises(InputError):
        SplitRule(**wrong)
