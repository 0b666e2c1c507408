"""Encodings are never guessed past what is known: one rule for the masks of a data set and for predictions."""

import json

import numpy as np
import pytest
import rasterio
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image

import densa
from densa import InputError, Legend, datasets, raster

SIZE = (24, 30)


def discs(classes=3, seed=0):
    """(H, W) labels 0 to `classes` - 1, all of which occur."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(SIZE, np.uint8)
    for label in range(1, classes):
        row, column = rng.integers(0, 12), rng.integers(0, 18)
        labels[row : row + 10, column : column + 10] = label
    labels[0, :classes] = range(classes)
    return labels


def png(path, array, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if palette is not None:
        image.putpalette(palette)
    image.save(path)


def tif(path, array, mask=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = array[None] if array.ndim == 2 else np.moveaxis(array, 2, 0)
    profile = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
    with rasterio.open(path, "w", **{"driver": "GTiff", **profile, **options}) as file:
        file.write(bands)
        if mask is not None:
            file.write_mask(mask)


def data_set(folder, masks, write=png, suffix=".png"):
    """Images beside these masks, all for training and validation by folder."""
    for split in ("train", "val"):
        for i, mask in enumerate(masks):
            png(folder / split / "images" / f"{i}.png", np.full((*SIZE, 3), 90 + i, np.uint8))
            write(folder / split / "masks" / f"{i}{suffix}", mask)
    return folder


def evaluated(tmp_path, predictions, masks, **options):
    for name, files in (("maps", predictions), ("masks", masks)):
        for i, (array, *palette) in enumerate(files):
            png(tmp_path / name / f"{i}.png", array, *palette)
    return densa.evaluate(tmp_path / "maps", tmp_path / "masks", progress=False, **options)


# --- what a mask declares as nodata, hidden or transparent has no label ---


@pytest.mark.parametrize("nodata", [0, 1, 2, 9])
def test_nodata_of_masks_is_not_labelled(tmp_path, nodata):
    masks = [discs(seed=i) for i in range(2)]
    masks[0][-3:] = masks[1][-3:] = nodata
    data_set(tmp_path, masks, lambda p, m: tif(p, m, nodata=nodata), ".tif")
    train = datasets.open(tmp_path)["train"]
    for i, mask in enumerate(masks):
        assert_array_equal(train.labels(i) == 255, mask == nodata)
    assert f"2 of 2 masks declare {nodata} as nodata" not in train.remarks  # over both splits: 4 of 4
    assert any(f"4 of 4 masks declare {nodata} as nodata: it is read as not labelled" in r for r in train.remarks)
    assert nodata not in train.legend.codes
    assert datasets.check(*datasets.open(tmp_path).values()) == 3
    frequencies = datasets.class_frequencies(train)
    assert frequencies.pixels.sum() == sum((mask != nodata).sum() for mask in masks)


def test_a_legend_that_names_nodata_makes_it_a_class(tmp_path):
    """QGIS writes nodata 0 where people mean the background."""
    masks = [discs(seed=i) for i in range(2)]
    data_set(tmp_path, masks, lambda p, m: tif(p, m, nodata=0), ".tif")
    train = datasets.open(tmp_path, legend=Legend(("background", "a", "b")))["train"]
    assert_array_equal(train.labels(0), masks[0])
    assert any("the legend names it: it is read as the class background" in r for r in train.remarks)


@pytest.mark.parametrize(("values", "nodata"), [((0, 1), 0), ((0, 255), 0), ((0, 255), 255)])
def test_one_class_beside_nodata_is_told(tmp_path, values, nodata):
    """Rasterised polygons: whether the rest is background is for a legend to say."""
    mask = np.array(values, np.uint8)[discs(2)]
    data_set(tmp_path, [mask], lambda p, m: tif(p, m, nodata=nodata), ".tif")
    train = datasets.open(tmp_path)["train"]
    assert_array_equal(train.labels(0) == 255, mask == nodata)
    assert (
        f"2 of 2 masks declare {nodata} as nodata: it is read as not labelled, which leaves the class"
        in train.remarks[0]
    )
    legend = Legend(("background", "disc"), codes=values)
    assert_array_equal(datasets.open(tmp_path, legend=legend)["train"].labels(0), discs(2))


def test_nodata_of_predictions_that_is_a_class_is_told(tmp_path, run_cli):
    tif(tmp_path / "maps" / "a.tif", discs(), nodata=0)
    png(tmp_path / "masks" / "a.png", discs())
    code, out, told = run_cli("evaluate", tmp_path / "maps", tmp_path / "masks")
    assert code == 0
    assert out.startswith("mean IoU 1.0000")
    assert "1 of 1 predictions declare 0 as nodata, but the legend names it: it is read as the class class_0" in told


@pytest.mark.parametrize("model", ["unet", "pixel-forest"])
def test_the_plan_says_how_nodata_is_read(tmp_path, run_cli, model):
    data_set(tmp_path, [discs()], lambda p, m: tif(p, m, nodata=0), ".tif")
    code, out, _ = run_cli("train", tmp_path, "--model", model, "--dry-run", "-o", tmp_path / "run")
    assert code == 0
    assert "declare 0 as nodata: it is read as not labelled" in out


def test_densas_own_maps_need_no_remark(tmp_path):
    legend = Legend(("a", "b", "c"))
    masks = [discs()]
    masks[0][-2:] = 255
    data_set(
        tmp_path,
        masks,
        lambda p, m: (p.parent.mkdir(parents=True, exist_ok=True), raster.write_label_map(p, m, legend)),
        ".tif",
    )
    train = datasets.open(tmp_path)["train"]
    assert_array_equal(train.labels(0), masks[0])
    assert train.remarks == ()


@pytest.mark.parametrize("kind", ["internal", "alpha", "transparent entry", "nan", "grey tRNS"])
def test_hidden_pixels_of_masks_are_not_labelled(tmp_path, kind):
    mask = discs()
    hidden = np.zeros(SIZE, bool)
    hidden[5:9, 5:9] = True
    path = tmp_path / ("a.tif" if kind in ("internal", "nan") else "a.png")
    legend, encoding = Legend(("a", "b", "c")), "values"
    if kind == "internal":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
            tif(path, mask, mask=~hidden)
    elif kind == "nan":
        tif(path, np.where(hidden, np.nan, mask).astype(np.float32))
    elif kind == "alpha":
        colors = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]], np.uint8)
        png(path, np.dstack([colors[mask], np.where(hidden, 0, 255).astype(np.uint8)]))
        legend, encoding = Legend(legend.class_names, tuple(map(tuple, colors.tolist()))), "colors"
    elif kind == "transparent entry":
        image = Image.fromarray(np.where(hidden, 7, mask).astype(np.uint8))
        image.putpalette([i for j in range(8) for i in (j, 0, 0)])
        image.save(path, transparency=7)
    else:
        Image.fromarray(np.where(hidden, 7, mask).astype(np.uint8)).save(path, transparency=7)
    found = datasets.masks.read_labels(path, legend, encoding)
    assert_array_equal(found, np.where(hidden, 255, mask))
    window = raster.Window(3, 4, 8, 9)
    assert_array_equal(datasets.masks.read_labels(path, legend, encoding, window=window), found[3:11, 4:13])


def test_nodata_of_a_colour_mask_is_one_colour(tmp_path):
    """(0, 0, 0), not every colour with a 0 in it."""
    colors = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    mask = discs()
    data_set(tmp_path, [mask], lambda p, m: tif(p, colors[m], nodata=0), ".tif")
    train = datasets.open(tmp_path)["train"]
    assert train.legend.colors == ((0, 255, 0), (255, 0, 0))
    assert_array_equal(train.labels(0), np.array([255, 1, 0])[mask])


def test_nodata_of_predictions_is_no_class(tmp_path):
    mask = discs(2)
    predicted = mask.copy()
    predicted[-6:] = 255
    tif(tmp_path / "maps" / "a.tif", predicted, nodata=255)
    png(tmp_path / "masks" / "a.png", mask)
    found = densa.evaluate(tmp_path / "maps", tmp_path / "masks", progress=False)
    assert found.without_class == pytest.approx(6 / 24)


# --- two codings of one thing ---


def test_masks_of_0_and_1_beside_0_and_255_are_refused(tmp_path):
    data_set(tmp_path, [discs(2), discs(2, 1) * 255])
    for legend in (None, Legend(("ground", "disc"))):
        with pytest.raises(InputError, match=r"some masks hold 0 and 255 .*1\.png.*0\.png"):
            datasets.open(tmp_path, legend=legend)


def test_255_beside_0_and_1_in_one_mask_is_void(tmp_path):
    masks = [discs(2), discs(2, 1), np.zeros(SIZE, np.uint8)]
    masks[0][-2:] = masks[2][-2:] = 255
    train = datasets.open(data_set(tmp_path, masks))["train"]
    assert_array_equal(train.labels(2) == 255, masks[2] == 255)


def test_a_legend_of_0_and_1_for_masks_of_0_and_255_is_refused(tmp_path):
    data_set(tmp_path, [discs(2) * 255])
    with pytest.raises(InputError, match='give the second class "index": 255'):
        datasets.open(tmp_path, legend=Legend(("ground", "disc")))
    legend = Legend(("ground", "disc"), codes=(0, 255))
    assert_array_equal(datasets.open(tmp_path, legend=legend)["train"].labels(0), discs(2))


def test_a_legend_of_colours_for_masks_of_values_is_refused(tmp_path):
    """As a model has it whose legend was inferred from masks of colours."""
    colors = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)
    legend = datasets.open(data_set(tmp_path / "colours", [colors[discs()]]))["train"].legend
    with pytest.raises(InputError, match=r"classes of the legend are colours .* but masks hold values"):
        datasets.open(data_set(tmp_path / "values", [discs()]), legend=legend)


def test_palette_and_rgb_masks(tmp_path):
    """Read by colour where they show the same ones; refused where they differ."""
    colors = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)
    same, other = colors.ravel().tolist(), (colors // 2).ravel().tolist()

    def write(palette):
        return lambda p, m: png(p, m, palette) if p.stem == "0" else png(p, colors[m])

    train = datasets.open(data_set(tmp_path / "same", [discs(), discs(3, 1)], write(same)))["train"]
    assert train.legend.n_classes == 3
    with pytest.raises(InputError, match=r"some masks hold RGB colours .*1\.png.*others a palette .*0\.png"):
        datasets.open(data_set(tmp_path / "other", [discs(), discs(3, 1)], write(other)))
    with pytest.raises(InputError, match=r"some masks hold colours .*others values"):
        datasets.open(data_set(tmp_path / "values", [discs(), discs(3, 1)], write(None)))


def test_nodata_that_other_masks_hold_is_refused(tmp_path):
    def write(path, mask):
        tif(path, mask, **({"nodata": 0} if path.stem == "0" else {}))

    data_set(tmp_path, [discs(), discs(3, 1)], write, ".tif")
    with pytest.raises(InputError, match=r"0\.tif declares 0 as nodata, .*1\.tif holds it as a value"):
        datasets.open(tmp_path)


# --- lossy files, and white as 0 ---


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif", ".jp2"])
@pytest.mark.parametrize("colored", [False, True])
def test_lossy_masks_are_refused(tmp_path, suffix, colored):
    def write(path, mask):
        array = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)[mask] if colored else mask
        if suffix == ".tif":
            return tif(path, array, compress="JPEG")
        if suffix == ".jp2":
            return tif(path, array, driver="JP2OpenJPEG")
        path.parent.mkdir(parents=True, exist_ok=True)
        return Image.fromarray(array).save(path)

    data_set(tmp_path, [discs()], write, suffix)
    for legend in (None, Legend(("a", "b", "c"))):
        with pytest.raises(
            InputError, match=r"2 of 2 masks are stored with lossy compression \((JPEG|WebP|JP2|JPEG2000)"
        ):
            datasets.open(tmp_path, legend=legend)


def test_lossless_webp_masks_are_read(tmp_path):
    colors = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)

    def write(path, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(colors[mask]).save(path, lossless=True)

    train = datasets.open(data_set(tmp_path, [discs()], write, ".webp"))["train"]
    assert train.legend.n_classes == 3


def test_lossy_predictions_are_refused(tmp_path):
    png(tmp_path / "masks" / "a.png", discs())
    (tmp_path / "maps").mkdir()
    Image.fromarray(discs()).save(tmp_path / "maps" / "a.jpg")
    with pytest.raises(InputError, match="1 of 1 predictions are stored with lossy compression"):
        densa.evaluate(tmp_path / "maps", tmp_path / "masks", progress=False)


@pytest.mark.parametrize("bits", [1, 8])
def test_masks_whose_0_is_white(tmp_path, bits):
    """Refused, but those of tifffile, which writes arrays of booleans so and means the stored values."""
    data_set(tmp_path / "a", [discs(2)], lambda p, m: tif(p, m, photometric="MINISWHITE", nbits=bits), ".tif")
    with pytest.raises(InputError, match="masks say that 0 is white"):
        datasets.open(tmp_path / "a")

    def write(path, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, mask.astype(bool))

    train = datasets.open(data_set(tmp_path / "b", [discs(2)], write, ".tif"))["train"]
    assert_array_equal(train.labels(0), discs(2))
    assert any("their values are read as stored" in r for r in train.remarks)


@pytest.mark.parametrize(("dtype", "bits"), [("uint8", 8), ("uint8", 4), ("uint16", 16)])
def test_images_whose_0_is_white_are_read_as_shown(tmp_path, dtype, bits):
    stored = np.random.default_rng(0).integers(0, 2**bits, SIZE).astype(dtype)
    options = {"nbits": bits} if bits < 8 else {}
    tif(tmp_path / "a.tif", stored, photometric="MINISWHITE", nodata=int(stored[0, 0]), **options)
    with raster.open(tmp_path / "a.tif") as image:
        values, valid = image.read()
    assert_array_equal(values[0], 2**bits - 1 - stored.astype(int))
    assert_array_equal(valid, stored != stored[0, 0])


# --- predictions and masks ---


def test_maps_of_0_and_255_against_masks_of_0_and_1_are_refused(tmp_path):
    mask = discs(2)
    with pytest.raises(InputError, match=r"the predictions hold 0, 255 .*0\.png.* the classes of the masks are 0, 1"):
        evaluated(tmp_path, [(mask * 255,)], [(mask,)])


def test_maps_of_0_and_1_against_masks_of_0_and_255_are_refused(tmp_path):
    mask = discs(2)
    with pytest.raises(InputError, match=r"the predictions hold 0, 1 .* the classes of the masks are 0, 255"):
        evaluated(tmp_path, [(mask,)], [(mask * 255,)])


@pytest.mark.parametrize("own", [False, True])
def test_maps_of_0_and_255_against_masks_of_0_and_255(tmp_path, own):
    """Also where the maps are densa's, whose legend ignores 255."""
    mask = discs(2)
    predicted = mask.copy()
    predicted[:2] = 0
    expected = evaluated(tmp_path / "small", [(predicted,)], [(mask,)])
    if own:
        raster.write_label_map(tmp_path / "0.png", predicted, Legend(("ground", "disc")))
        (tmp_path / "maps").mkdir()
        (tmp_path / "0.png").rename(tmp_path / "maps" / "0.png")
        png(tmp_path / "masks" / "0.png", mask * 255)
        found = densa.evaluate(tmp_path / "maps", tmp_path / "masks", progress=False)
    else:
        found = evaluated(tmp_path, [(predicted * 255,)], [(mask * 255,)])
    assert found.summary.mean_iou == expected.summary.mean_iou
    assert found.without_label == found.without_class == 0


def test_maps_numbered_from_1_are_refused(tmp_path):
    mask = discs()
    with pytest.raises(InputError, match=r"the predictions hold 1, 2, 3 .* the classes of the masks are 0, 1, 2"):
        evaluated(tmp_path, [(mask + 1,)], [(mask,)])


def test_maps_numbered_from_1_without_the_last_class_are_refused(tmp_path):
    """No value betrays them, but nearly all pixels agree shifted by one."""
    mask = discs()
    mask[mask == 2] = 1
    mask[-1, -1] = 2
    predicted = np.where(mask == 2, 2, mask + 1).astype(np.uint8)
    with pytest.raises(InputError, match="shifted by 1"):
        evaluated(tmp_path, [(predicted,)], [(mask,)])


def test_colours_against_values_are_refused(tmp_path):
    mask = discs()
    colors = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)
    with pytest.raises(InputError, match="the masks hold values, the predictions colours"):
        evaluated(tmp_path / "a", [(colors[mask],)], [(mask,)])
    with pytest.raises(InputError, match="the masks hold colours, the predictions values"):
        evaluated(tmp_path / "b", [(mask,)], [(colors[mask],)])


def test_palettes_of_another_order_are_read_by_colour(tmp_path):
    mask = discs()
    colors = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)
    order = np.array([2, 0, 1])
    predicted, palette = np.argsort(order).astype(np.uint8)[mask], colors[order].ravel().tolist()
    found = evaluated(tmp_path, [(predicted, palette)], [(mask, colors.ravel().tolist())])
    assert found.summary.mean_iou == 1


# --- the share of pixels without a class stands beside every number ---


def test_shares_without_a_class_stand_beside_the_scores(tmp_path, run_cli):
    legend = Legend(("a", "b", "c"))
    mask, predicted = discs(), discs()
    mask[:6], predicted[12:18] = 255, 255
    for name, labels in (("maps", predicted), ("masks", mask)):
        (tmp_path / name).mkdir()
        raster.write_label_map(tmp_path / name / "a.png", labels, legend)
    found = densa.evaluate(tmp_path / "maps", tmp_path / "masks", output=tmp_path / "report", progress=False)
    assert (found.without_label, found.without_class) == pytest.approx((6 / 24, 6 / 18))
    numbers = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert (numbers["share_without_label"], numbers["share_without_class"]) == pytest.approx((6 / 24, 6 / 18))
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Without a label" in page
    assert "33.3 %" in page
    _, out, _ = run_cli("evaluate", tmp_path / "maps", tmp_path / "masks")
    assert "25.0 % of the pixels without a label, 33.3 % of the labelled without a predicted class" in out


def test_palettes_that_number_the_same_colours_otherwise(tmp_path):
    colors = ((0, 0, 0), (255, 0, 0), (0, 255, 0))
    order = [2, 0, 1]
    other = sum((colors[order.index(i)] for i in range(3)), ())

    def write(path, masks):
        labels, kind = masks
        png(path, np.array(order, np.uint8)[labels] if kind else labels, other if kind else sum(colors, ()))

    masks = [(discs(seed=i), i % 2) for i in range(4)]
    data = data_set(tmp_path / "data", masks, write)
    with pytest.raises(InputError, match=r"the same colours otherwise: #FF0000 is 1 in .*0\.png and 0 in .*1\.png"):
        datasets.open(data)
    classes = [{"name": name, "color": name} for name in ("#000000", "#FF0000", "#00FF00")]
    (data / "legend.json").write_text(json.dumps({"classes": classes}))
    found = datasets.open(data)["train"]
    for i, (labels, _) in enumerate(masks):
        assert_array_equal(found.labels(i), labels)


def test_a_mask_without_any_label_is_sound_beside_several_classes(tmp_path):
    masks = [discs(), np.full(SIZE, 255, np.uint8), discs(seed=2)]
    found = datasets.open(data_set(tmp_path / "data", masks))["train"]
    assert found.legend.n_classes == 3
    assert (found.labels(1) == 255).all()
