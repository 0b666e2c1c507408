"""Sound and broken data sets, each made in a folder by a function, with the codes that the doctor must find in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from scipy import ndimage

COLORS = np.array([[60, 20, 120], [20, 160, 60], [220, 200, 40], [200, 40, 50]], np.uint8)
NAMES = ("water", "meadow", "field", "roof")
SETS: dict[str, Set] = {}


class Set(NamedTuple):
    """A data set, the codes of its errors and warnings, and whether its mended copy must be sound."""

    make: Callable[[Path], None]
    codes: set[str]
    options: dict[str, object]
    fixed: bool


def data_set(*codes: str, fixed: bool = True, **options: object) -> Callable[[Callable], Callable]:
    """Register a maker under its name; without codes the set is sound."""

    def register(make: Callable) -> Callable:
        SETS[make.__name__] = Set(make, set(codes), options, fixed)
        return make

    return register


def scene(seed: int, size: tuple[int, int] = (96, 128), n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """An (h, w, 3) uint8 image and its (h, w) labels: smooth patches of `n` classes, all present, with texture."""
    rng = np.random.default_rng(seed)
    fields = np.stack([ndimage.gaussian_filter(rng.standard_normal(size), 9) for _ in range(n)])
    labels = fields.argmax(0).astype(np.uint8)
    tones = np.array([[70, 90, 160], [90, 150, 70], [190, 170, 110], [200, 90, 80]])[:n]
    image = (
        tones[labels]
        + rng.normal(0, 9, (*size, 3))
        + 12 * ndimage.gaussian_filter(rng.standard_normal(size), 3)[..., None]
    )
    return np.clip(image, 0, 255).astype(np.uint8), labels


def save(path: Path, array: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def legend(folder: Path, n: int = 3, ignore: object = 255, **entries: object) -> None:
    classes = [{"name": NAMES[i], "color": "#{:02X}{:02X}{:02X}".format(*COLORS[i])} for i in range(n)]
    (folder / "legend.json").write_text(json.dumps({"classes": classes, "ignore": ignore, **entries}))


def plain(
    folder: Path,
    count: int = 6,
    n: int = 3,
    *,
    mask: Callable[[np.ndarray, int], np.ndarray] = lambda labels, i: labels,
    image: Callable[[np.ndarray, int], np.ndarray] = lambda image, i: image,
    named: bool = True,
    size: tuple[int, int] = (96, 128),
    suffix: str = "png",
    **options: object,
) -> None:
    """images/ and masks/ of `count` scenes."""
    for i in range(count):
        pixels, labels = scene(i, size, n)
        save(folder / "images" / f"s{i}.png", image(pixels, i))
        save(folder / "masks" / f"s{i}.{suffix}", mask(labels, i), **options)
    if named:
        legend(folder, n)


def geotiff(path: Path, bands: np.ndarray, *, crs: str = "EPSG:32633", at: tuple[float, float] = (500_000, 5_000_000),
            pixel: float = 0.5, **options: object) -> None:  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    n, height, width = bands.shape
    profile = {"driver": "GTiff", "count": n, "height": height, "width": width, "dtype": bands.dtype}
    with rasterio.open(
        path, "w", **profile, crs=crs, transform=Affine(pixel, 0, at[0], 0, -pixel, at[1]), **options
    ) as file:
        file.write(bands)


def tiles(folder: Path, count: int = 4, *, shift: float = 0, mask_crs: str = "EPSG:32633", **options: object) -> None:
    for i in range(count):
        image, labels = scene(i)
        at = 500_000 + 64 * i, 5_000_000
        geotiff(folder / "images" / f"t{i}.tif", np.moveaxis(image, -1, 0), at=at)
        geotiff(folder / "masks" / f"t{i}.tif", labels[None], at=(at[0] + shift, at[1]), crs=mask_crs, **options)


# Sound data sets


@data_set()
def sound_plain(folder):
    plain(folder)


@data_set()
def sound_without_legend(folder):
    plain(folder, named=False)


@data_set()
def sound_of_four(folder):
    plain(folder, 4)


@data_set()
def sound_binary_0_255(folder):
    plain(folder, 5, 2, mask=lambda labels, i: labels * 255, named=False)


@data_set()
def sound_binary_0_1(folder):
    plain(folder, 5, 2)


@data_set()
def sound_split_folders(folder):
    for split in ("train", "val", "test"):
        plain(folder / split, 3, named=False)
    for i, split in enumerate(("val", "test"), 1):  # other scenes in each split
        shutil.rmtree(folder / split)
        for k in range(3):
            image, labels = scene(10 * i + k)
            save(folder / split / "images" / f"s{k}.png", image)
            save(folder / split / "masks" / f"s{k}.png", labels)
    legend(folder)


@data_set()
def sound_segnet(folder):
    for i in range(6):
        image, labels = scene(i)
        split = "train" if i < 4 else "val"
        save(folder / split / f"{i}.png", image)
        save(folder / f"{split}annot" / f"{i}.png", labels)


@data_set()
def sound_voc(folder):
    for i in range(5):
        image, labels = scene(i)
        save(folder / "JPEGImages" / f"{i}.jpg", image)
        file = Image.fromarray(labels)
        file.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        (folder / "SegmentationClass").mkdir(exist_ok=True)
        file.save(folder / "SegmentationClass" / f"{i}.png")


@data_set()
def sound_colours(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels])


@data_set()
def sound_colours_without_legend(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels], named=False)


@data_set()
def sound_palettes(folder):
    for i in range(5):
        image, labels = scene(i)
        save(folder / "images" / f"{i}.png", image)
        file = Image.fromarray(labels)
        file.putpalette(COLORS.ravel().tolist())
        (folder / "masks").mkdir(exist_ok=True)
        file.save(folder / "masks" / f"{i}.png")


@data_set()
def sound_uint16_images(folder):
    for i in range(5):
        image, labels = scene(i)
        geotiff(folder / "images" / f"{i}.tif", np.moveaxis(image, -1, 0).astype(np.uint16) * 40)
        save(folder / "masks" / f"{i}.png", labels)
    legend(folder)


@data_set()
def sound_georeferenced(folder):
    tiles(folder)
    legend(folder)


@data_set()
def sound_georeferenced_nodata_255(folder):
    tiles(folder, nodata=255)
    legend(folder)


@data_set()
def sound_ignored_border(folder):
    def bordered(labels, i):
        labels = labels.copy()
        labels[:6] = labels[-6:] = 255
        return labels

    plain(folder, mask=bordered)


@data_set()
def sound_images_without_some_classes(folder):
    plain(folder, 8, mask=lambda labels, i: np.where(labels == i % 3, (i + 1) % 3, labels).astype(np.uint8))


@data_set()
def sound_grey_micrographs(folder):
    plain(folder, 5, 2, image=lambda image, i: image[..., 0], mask=lambda labels, i: labels * 255, named=False)


@data_set()
def sound_suffixes(folder):
    for i in range(5):
        image, labels = scene(i)
        save(folder / "images" / f"{i}_sat.jpg", image)
        save(folder / "masks" / f"{i}_mask.png", labels)
    legend(folder)


@data_set()
def sound_upper_case(folder):
    for i in range(5):
        image, labels = scene(i)
        save(folder / "images" / f"IMG_{i}.JPG", image)
        save(folder / "masks" / f"img_{i}.png", labels)
    legend(folder)


@data_set()
def sound_test_without_masks(folder):
    plain(folder / "train", 5, named=False)
    for i in range(3):
        save(folder / "test" / "images" / f"x{i}.png", scene(50 + i)[0])
    legend(folder)


@data_set()
def sound_noise_images(folder):
    """Images whose edges have nothing to do with their masks."""
    plain(folder, image=lambda image, i: np.random.default_rng(i).integers(0, 255, image.shape, np.uint8))


@data_set()
def sound_codes_of_legend(folder):
    plain(folder, mask=lambda labels, i: np.array([10, 20, 30], np.uint8)[labels], named=False)
    classes = [{"name": NAMES[i], "index": 10 * (i + 1)} for i in range(3)]
    (folder / "legend.json").write_text(json.dumps({"classes": classes}))


@data_set()
def sound_tiny(folder):
    plain(folder, 4, size=(24, 24))


@data_set()
def sound_stripes(folder):
    """Simple masks, some of which are equal."""
    for i in range(6):
        labels = ((np.mgrid[:96, :96][1] // 12 + i) % 3).astype(np.uint8)
        noise = np.random.default_rng(i).integers(0, 90, (96, 96, 3))
        save(folder / "images" / f"{i}.png", (labels[..., None] * 50 + 30 + noise).astype(np.uint8))
        save(folder / "masks" / f"{i}.png", labels)


@data_set()
def sound_gradients(folder):
    """Images whose gradient is even, of circles that are not in them."""
    for i in range(4):
        y, x = np.mgrid[:64, :64]
        save(folder / "images" / f"{i}.png", np.stack([(x * 2 + y * (i + 1)) % 256] * 3, -1).astype(np.uint8))
        save(folder / "masks" / f"{i}.png", ((x - 20 - 5 * i) ** 2 + (y - 30) ** 2 < 150).astype(np.uint8))


# Pairs


@data_set("mask-missing")
def broken_mask_missing(folder):
    plain(folder)
    (folder / "masks" / "s2.png").unlink()


@data_set("mask-extra")
def broken_mask_extra(folder):
    plain(folder)
    (folder / "images" / "s4.png").unlink()


@data_set("name-ambiguous")
def broken_ambiguous(folder):
    plain(folder)
    save(folder / "masks" / "s1.tif", scene(1)[1])


@data_set("name-case")
def broken_case(folder):
    plain(folder)
    (folder / "masks" / "s3.png").rename(folder / "masks" / "S3.png")


@data_set("layout-unknown", fixed=False)
def broken_names(folder):
    plain(folder)
    for i, path in enumerate(sorted((folder / "masks").iterdir())):
        path.rename(path.with_name(f"other{i}z.png"))


# Files


@data_set("file-empty")
def broken_zero_bytes(folder):
    plain(folder)
    (folder / "images" / "s1.png").write_bytes(b"")


@data_set("file-truncated")
def broken_truncated_png(folder):
    plain(folder)
    path = folder / "images" / "s1.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@data_set("file-truncated")
def broken_truncated_mask(folder):
    plain(folder)
    path = folder / "masks" / "s1.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@data_set("file-truncated")
def broken_truncated_jpeg(folder):
    for i in range(5):
        image, labels = scene(i)
        save(folder / "images" / f"{i}.jpg", image)
        save(folder / "masks" / f"{i}.png", labels)
    path = folder / "images" / "3.jpg"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    legend(folder)


@data_set("file-truncated")
def broken_truncated_tiff(folder):
    tiles(folder)
    legend(folder)
    path = folder / "images" / "t1.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@data_set("file-corrupt")
def broken_corrupt(folder):
    plain(folder)
    (folder / "images" / "s1.png").write_bytes(np.random.default_rng(0).bytes(4000))


@data_set("file-corrupt")
def broken_damaged_png(folder):
    plain(folder)
    path = folder / "images" / "s1.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20] = b"\0" * 20
    path.write_bytes(content)


@data_set("extension-wrong")
def broken_extension(folder):
    plain(folder)
    image = scene(2)[0]
    Image.fromarray(image).save(folder / "images" / "s2.png", format="JPEG", quality=95)


# Images


@data_set("bands-differ")
def broken_grey_among_rgb(folder):
    plain(folder, image=lambda image, i: image[..., 0] if i == 2 else image)


@data_set("bands-differ")
def broken_four_bands(folder):
    for i in range(5):
        image, labels = scene(i)
        bands = np.moveaxis(image, -1, 0)
        geotiff(folder / "images" / f"{i}.tif", np.concatenate([bands, bands[:1]]) if i == 2 else bands)
        geotiff(folder / "masks" / f"{i}.tif", labels[None])
    legend(folder)


@data_set("type-differs")
def broken_type(folder):
    for i in range(5):
        image, labels = scene(i)
        bands = np.moveaxis(image, -1, 0)
        geotiff(folder / "images" / f"{i}.tif", bands.astype(np.uint16) if i == 1 else bands)
        geotiff(folder / "masks" / f"{i}.tif", labels[None])
    legend(folder)


@data_set("image-constant")
def broken_constant(folder):
    plain(folder, image=lambda image, i: np.zeros_like(image) if i == 3 else image)


@data_set("image-empty")
def broken_empty(folder):
    tiles(folder, 5)
    geotiff(folder / "images" / "t2.tif", np.zeros((3, 96, 128), np.uint8), at=(500_128, 5_000_000), nodata=0)
    legend(folder)


@data_set("crs-differs", fixed=False)
def broken_systems(folder):
    tiles(folder)
    for kind, bands in (("images", np.moveaxis(scene(9)[0], -1, 0)), ("masks", scene(9)[1][None])):
        geotiff(folder / kind / "t9.tif", bands, crs="EPSG:4326", at=(15, 45), pixel=1e-5)
    legend(folder)


# Image and mask


@data_set("size-differs")
def broken_size(folder):
    plain(folder, mask=lambda labels, i: labels[::2, ::2] if i == 1 else labels)


@data_set("size-differs")
def broken_size_cropped(folder):
    plain(folder, mask=lambda labels, i: labels[:90, :100] if i == 1 else labels)


@data_set("mask-transposed")
def broken_transposed(folder):
    plain(folder, mask=lambda labels, i: labels.T)


@data_set("mask-turned")
def broken_mirrored(folder):
    plain(folder, mask=lambda labels, i: np.ascontiguousarray(labels[:, ::-1]))


@data_set("mask-shifted")
def broken_shifted(folder):
    plain(folder, mask=lambda labels, i: np.roll(labels, (7, -5), (0, 1)), size=(160, 160))


@data_set("mask-shifted")
def broken_one_shifted(folder):
    plain(folder, mask=lambda labels, i: np.roll(labels, (0, 10), (0, 1)) if i == 2 else labels, size=(160, 160))


@data_set("mask-is-image")
def broken_copy_of_image(folder):
    plain(folder)
    save(folder / "masks" / "s1.png", scene(1)[0])


@data_set("georeference-differs")
def broken_georeference(folder):
    tiles(folder, shift=20)
    legend(folder)


@data_set("georeference-differs", fixed=False)
def broken_mask_system(folder):
    tiles(folder, mask_crs="EPSG:32634")
    legend(folder)


# Codes of the masks


@data_set("value-outside-legend")
def broken_outside(folder):
    def with_nine(labels, i):
        labels = labels.copy()
        if i == 1:
            labels[10:20, 10:20] = 9
        return labels

    plain(folder, mask=with_nine)


@data_set("value-outside-legend")
def broken_colour_outside(folder):
    def with_pink(labels, i):
        colors = COLORS[labels]
        if i == 1:
            colors[10:40, 10:40] = (255, 0, 255)
        return colors

    plain(folder, mask=with_pink)


@data_set("off-by-one")
def broken_off_by_one(folder):
    plain(folder, mask=lambda labels, i: labels + 1)


@data_set("zero-255")
def broken_0_255_with_legend(folder):
    plain(folder, 5, 2, mask=lambda labels, i: labels * 255)


@data_set("zero-255")
def broken_0_255_among_0_1(folder):
    plain(folder, 6, 2, mask=lambda labels, i: labels * (255 if i < 3 else 1), named=False)


@data_set("value-multiples")
def broken_multiples(folder):
    plain(folder, mask=lambda labels, i: labels * 85)


@data_set("value-multiples")
def broken_multiples_without_legend(folder):
    plain(folder, mask=lambda labels, i: labels * 85, named=False)


@data_set("value-multiples")
def broken_half_and_whole(folder):
    plain(folder, mask=lambda labels, i: np.array([0, 128, 255], np.uint8)[labels])


@data_set("value-stretched")
def broken_stretched(folder):
    plain(folder, mask=lambda labels, i: np.array([0, 32768, 65535], np.uint16)[labels])


@data_set("value-stretched")
def broken_stretched_257(folder):
    plain(folder, mask=lambda labels, i: labels.astype(np.uint16) * 257, named=False)


@data_set("instance-ids")
def broken_instances(folder):
    def numbered(labels, i):
        rng = np.random.default_rng(i)
        objects = np.zeros(labels.shape, np.uint8)
        for k in range(1, 9 + i):
            row, column = 10 * ((k - 1) // 9) + 4, 13 * ((k - 1) % 9) + 3
            objects[row : row + 5 + rng.integers(3), column : column + 8] = k
        return objects

    def photo(image, i):
        return np.where(numbered(image[..., 0], i)[..., None] > 0, 220, 40 + image // 8).astype(np.uint8)

    plain(folder, mask=numbered, image=photo, named=False)


@data_set("colours-mixed")
def broken_jpeg_masks(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels], suffix="jpg", quality=80)


@data_set("colours-mixed")
def broken_jpeg_masks_without_legend(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels], suffix="jpg", quality=80, named=False)


@data_set("colours-mixed")
def broken_anti_aliased(folder):
    def smooth(labels, i):
        large = Image.fromarray(COLORS[labels]).resize((256, 192), Image.Resampling.NEAREST)
        return np.asarray(large.rotate(3).resize((128, 96), Image.Resampling.BILINEAR))

    plain(folder, mask=lambda labels, i: _blurred(COLORS[labels]))


def _blurred(colors):
    return np.round(ndimage.gaussian_filter(colors.astype(np.float32), (0.6, 0.6, 0))).astype(np.uint8)


@data_set("mask-lossy")
def broken_grey_jpeg(folder):
    plain(folder, 5, 2, mask=lambda labels, i: labels * 255, suffix="jpg", quality=80, named=False)


@data_set("colours-swapped")
def broken_swapped(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels][..., ::-1].copy())


@data_set("colours-greyed")
def broken_grey_of_colours(folder):
    plain(folder, mask=lambda labels, i: np.asarray(Image.fromarray(COLORS[labels]).convert("L")))


@data_set("palettes-differ")
def broken_palettes(folder):
    (folder / "masks").mkdir(parents=True)
    for i in range(5):
        image, labels = scene(i)
        save(folder / "images" / f"{i}.png", image)
        order = np.roll(np.arange(3), i)
        file = Image.fromarray(np.argsort(order).astype(np.uint8)[labels])
        file.putpalette(COLORS[order].ravel().tolist())
        file.save(folder / "masks" / f"{i}.png")


@data_set("coding-mixed", fixed=False)
def broken_colours_among_values(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels] if i % 2 else labels, named=False)


@data_set("nodata-in-mask")
def broken_nodata(folder):
    tiles(folder, nodata=0)


@data_set("nodata-in-mask")
def broken_nodata_background(folder):
    for i in range(4):
        image, labels = scene(i, n=2)
        geotiff(folder / "images" / f"{i}.tif", np.moveaxis(image, -1, 0))
        geotiff(folder / "masks" / f"{i}.tif", labels[None], nodata=0)


@data_set("nodata-in-mask")
def broken_undeclared_nodata(folder):
    def gaps(labels, i):
        labels = labels.astype(np.uint16)
        labels[:20, :20] = 65535
        return labels

    plain(folder, mask=gaps)


@data_set("masks-equal", fixed=False)
def broken_equal(folder):
    plain(folder, mask=lambda labels, i: scene(0)[1])


@data_set("mask-copied")
def broken_copied(folder):
    plain(folder, mask=lambda labels, i: scene(1)[1] if i == 4 else labels)


@data_set("mask-type")
def broken_fractions(folder):
    tiles(folder)
    geotiff(folder / "masks" / "t1.tif", scene(1)[1][None] + np.float32(0.25), at=(500_064, 5_000_000))
    legend(folder)


# Classes and legends


@data_set("one-class", fixed=False)
def broken_one_class(folder):
    plain(folder, mask=lambda labels, i: np.zeros_like(labels))


@data_set("class-absent", fixed=False)
def broken_absent_in_train(folder):
    for k, split in enumerate(("train", "val")):
        for i in range(4):
            image, labels = scene(10 * k + i)
            save(folder / split / "images" / f"{split}{i}.png", image)
            save(folder / split / "masks" / f"{split}{i}.png", labels if split == "val" else np.minimum(labels, 1))
    legend(folder)


@data_set("class-absent", fixed=False)
def broken_absent_everywhere(folder):
    plain(folder, named=False)
    legend(folder, 4)


@data_set("class-rare", fixed=False)
def broken_rare(folder):
    def rare(labels, i):
        labels = np.minimum(labels, 1)
        if i in (0, 1, 2, 3, 4):
            labels[40, 60] = 2
        return labels

    for split, first in (("train", 0), ("val", 20)):
        for i in range(5):
            image, labels = scene(first + i)
            save(folder / split / "images" / f"{i}.png", image)
            save(folder / split / "masks" / f"{i}.png", rare(labels, i))
    legend(folder)


@data_set("nothing-labelled")
def broken_unlabelled(folder):
    plain(folder, mask=lambda labels, i: np.full_like(labels, 255) if i == 2 else labels)


@data_set("ignored-share", fixed=False)
def broken_ignored(folder):
    def few(labels, i):
        kept = np.full_like(labels, 255)
        kept[40:52] = labels[40:52]
        return kept

    plain(folder, mask=few)


@data_set("legend-invalid")
def broken_legend_names(folder):
    plain(folder, named=False)
    classes = [{"name": name} for name in ("water", "meadow", "water")]
    (folder / "legend.json").write_text(json.dumps({"classes": classes}))


@data_set("legend-invalid")
def broken_legend_colours(folder):
    plain(folder, named=False)
    classes = [{"name": name, "color": "#112233"} for name in NAMES[:3]]
    (folder / "legend.json").write_text(json.dumps({"classes": classes}))


@data_set("legend-invalid")
def broken_legend_csv(folder):
    plain(folder, named=False)
    (folder / "legend.csv").write_text("index,name,color\n0,water,#112233\n1,meadow,#112233\n2,field,#445566\n")


@data_set("legend-invalid")
def broken_legend_lines(folder):
    plain(folder, mask=lambda labels, i: COLORS[labels], named=False)
    lines = ["{} {} {} {}".format(*color, name) for color, name in zip(COLORS, ("a", "b", "a"), strict=False)]
    (folder / "label_colors.txt").write_text("\n".join(lines))


@data_set("legend-invalid", fixed=False)
def broken_legend_json(folder):
    plain(folder, named=False)
    (folder / "legend.json").write_text('{"classes": [')


@data_set("legend-ignores-class", fixed=False)
def broken_legend_ignores(folder):
    plain(folder, named=False)
    legend(folder, ignore=[255, 1])


@data_set("void-class", fixed=False)
def broken_void_class(folder):
    plain(folder, named=False)
    classes = [{"name": name} for name in ("water", "meadow", "void")]
    (folder / "legend.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
