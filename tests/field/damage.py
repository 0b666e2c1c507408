"""Damaged files of every kind that densa reads: each is read or refused with an `InputError`, nothing else.

`python -m tests.field.damage KIND SEED COUNT` damages one kind of file COUNT times in this process, which may take 10 s
and 1 GB more than before, and prints a line for each file that came to anything else. A crash or a file that takes too
long ends the process; its last line names the seed. `benchmarks/fuzz.py` uses the same table.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.errors import NotGeoreferencedWarning

from densa.cli.undecodable import hide_undecodable_messages
from densa.errors import InputError

SECONDS = 10
BYTES = 2**30
WHOLE = 2**22  # pixels up to which an image is read as a whole


@dataclass(frozen=True)
class Kind:
    """A kind of file: `write(folder)` makes the file to damage, `read(path)` reads it as densa does."""

    write: Callable[[Path], Path]
    read: Callable[[Path], object]


def pixels(n_bands=3, dtype=np.uint8):
    values = np.random.default_rng(5).integers(0, 200, (40, 56, n_bands)).astype(dtype)
    values[8:24, 10:40] = 90
    return values if n_bands > 1 else values[..., 0]


def photo(name, n_bands=3, **options):
    def write(folder):
        from PIL import Image

        Image.fromarray(pixels(n_bands)).save(folder / name, **options)
        return folder / name

    return Kind(write, read_image)


def png_of_16_bits(folder):
    from PIL import Image

    Image.fromarray(pixels(1, np.uint16)).save(folder / "a.png")
    return folder / "a.png"


def animation(folder):
    from PIL import Image

    frames = [Image.fromarray(pixels(1) + k) for k in (0, 9, 20)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    return folder / "a.gif"


def gdal(name, driver="GTiff", damaged=None, side=None, **options):
    """A raster by rasterio; `damaged` names the file to damage where it is not the raster itself."""

    def write(folder):
        import rasterio
        from rasterio.transform import from_origin

        values = np.moveaxis(pixels(3), 2, 0)
        place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, 10, 10)}
        profile = {"count": 3, "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype} | place
        with rasterio.open(folder / name, "w", driver=driver, **(profile | options)) as file:
            file.write(values)
        if side:
            side(folder)
        return folder / (damaged or name)

    return Kind(write, lambda path: read_image(path.with_name(name)))


def mask_beside(folder):
    import rasterio

    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(folder / "a.tif", "r+") as file:
        file.write_mask(np.arange(40 * 56).reshape(40, 56) % 7 > 0)


def world_beside(folder):
    (folder / "a.pgw").write_text("10\n0\n0\n-10\n500005\n4999995\n")


def stac_item(folder):
    from densa import raster

    assets = {}
    for name in ("red", "green", "blue"):
        raster.write_bands(folder / f"{name}.tif", pixels(1)[None])
        assets[name] = {"href": f"./{name}.tif", "roles": ["data"], "type": "image/tiff"}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "a", "properties": {}, "assets": assets}
    (folder / "item.json").write_text(json.dumps(item))
    return folder / "item.json"


def virtual(folder):
    gdal("a.tif").write(folder)
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{k}"><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>{k}</SourceBand>'
        f'<SrcRect xOff="0" yOff="0" xSize="56" ySize="40"/>'
        f'<DstRect xOff="0" yOff="0" xSize="56" ySize="40"/></SimpleSource></VRTRasterBand>'
        for k in (1, 2, 3)
    )
    (folder / "a.vrt").write_text(f'<VRTDataset rasterXSize="56" rasterYSize="40">{bands}</VRTDataset>')
    return folder / "a.vrt"


def microscopy(**options):
    def write(folder):
        import tifffile

        tifffile.imwrite(folder / "a.ome.tif", np.stack([pixels(1, np.uint16)] * 6).reshape(3, 2, 40, 56), **options)
        return folder / "a.ome.tif"

    return Kind(write, read_image)


def read_image(path):
    """Header, first window or whole of the image, and the same of it as a mask and as a label map."""
    from densa import raster

    with raster.open(path) as image:
        part = raster.Window(0, 0, min(image.height, 256), min(image.width, 256))
        window = None if image.height * image.width <= WHOLE else part
        values, valid = image.read(window)
        assert values.shape[1:] == valid.shape
        assert values.dtype == image.dtype
        assert len(values) == image.n_bands == len(image.band_names)
        assert image.georeference is None or len(image.georeference.transform) == 9
    with contextlib.suppress(InputError):
        raster.read_mask(path, window=window)
    raster.carried_legend(path)


def text(name, content):
    def write(folder):
        (folder / name).write_text(content)
        return folder / name

    return write


def legend(name, content):
    def read(path):
        from densa.legend import Legend

        Legend.from_file(path)

    return Kind(text(name, content), read)


CLASSES = [{"name": "ground", "color": "#806040"}, {"name": "déjà vu", "color": "#20ff10"}, {"name": "road"}]
STROKES = [{"class": "ground", "width": 5, "points": [[1, 2], [30.5, 8]]}, {"class": 2, "points": [[9, 9]]}]


def strokes(path):
    from densa.shallow import draw_strokes, read_strokes

    draw_strokes(read_strokes(path), 40, 56)


def journal(folder):
    from densa.engine.work.journal import WorkFolder

    WorkFolder(folder / "map.tif").begin({"image": {"size": [40, 56]}, "tile_size": 64, "model": "0a1b2c"})
    return folder / "map.tif.partial" / "journal.json"


def read_journal(path):
    from densa.engine.work.journal import WorkFolder

    work = WorkFolder(path.parent.with_name("map.tif"))
    work.check({"image": {"size": [40, 56]}, "tile_size": 64, "model": "0a1b2c"})
    work.finished({0: (1, 40, 56)})


def network(name):
    """A model folder of a small U-Net, of which the file `name` is damaged."""

    def write(folder):
        from densa import networks
        from densa.legend import Legend
        from densa.segmenter import Architecture, BandContract, save_model

        built = networks.build("unet", 3, 2, width=1)
        bands = BandContract(3, ("red", "green", "blue"), (90.0,) * 3, (40.0,) * 3)
        save_model(folder / "model", built, Architecture("unet", {"width": 1}), Legend(("ground", "road")), bands)
        return folder / "model" / name

    return Kind(write, read_model)


def forest(name):
    def write(folder):
        from densa import train

        data = dataset(folder)
        train(data, output=folder / "model", model="pixel-forest", trees=2, samples=200, progress=False)
        return folder / "model" / name

    return Kind(write, read_model)


def read_model(path):
    from densa import methods

    methods.load(path.parent, device="cpu", precision="float32")


def dataset(folder):
    from PIL import Image

    root = folder / "data"
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for k in range(6):
        values = np.clip(pixels(3).astype(int) + k, 0, 255).astype(np.uint8)
        Image.fromarray(values).save(root / "images" / f"{k}.png")
        Image.fromarray((values[..., 0] > 90).astype(np.uint8)).save(root / "masks" / f"{k}.png")
    (root / "train.txt").write_text("0\n1\n2\n3\n")
    (root / "val.txt").write_text("images/4.png\n")
    (root / "test.txt").write_text("5\n")
    return root


def read_dataset(path):
    from densa import datasets

    for split in datasets.open(path if path.name == "data" else path.parent).values():
        split.mask_labels(0)


def config(folder):
    from densa.training import TrainConfig

    written = TrainConfig.of(data=dataset(folder), width=2, steps=2, patch_size=32).to_yaml()
    return text("config.yaml", written)(folder)


def read_config(path):
    from densa.training import TrainConfig

    TrainConfig.from_yaml(path)


KINDS: dict[str, Kind] = {
    "png": photo("a.png"),
    "png-palette": photo("p.png", 1, bits=4),
    "png-16": Kind(png_of_16_bits, read_image),
    "jpeg": photo("a.jpg"),
    "gif": Kind(animation, read_image),
    "bmp": photo("a.bmp"),
    "webp": photo("a.webp", lossless=True),
    "tiff": gdal("a.tif"),
    "tiff-tiled": gdal("a.tif", tiled=True, blockxsize=16, blockysize=16, compress="deflate", nodata=7),
    "tiff-lzw": gdal("a.tif", compress="lzw", predictor=2, interleave="pixel"),
    "tiff-jpeg": gdal("a.tif", compress="jpeg", photometric="ycbcr", interleave="pixel"),
    "tiff-mask": gdal("a.tif", side=mask_beside, damaged="a.tif.msk"),
    "jpeg-aux": gdal("a.jpg", driver="JPEG", damaged="a.jpg.aux.xml"),
    "png-world": gdal("a.png", driver="PNG", side=world_beside, damaged="a.pgw"),
    "jpeg-2000": gdal("a.jp2", driver="JP2OpenJPEG", REVERSIBLE="YES", QUALITY="100"),
    "erdas": gdal("a.img", driver="HFA"),
    "envi": gdal("a.dat", driver="ENVI", damaged="a.hdr"),
    "vrt": Kind(virtual, read_image),
    "stac item": Kind(stac_item, read_image),
    "ome": microscopy(metadata={"axes": "CZYX"}),
    "imagej": microscopy(imagej=True, metadata={"axes": "ZCYX"}),
    "legend-json": legend("legend.json", json.dumps({"classes": CLASSES, "ignore": 3})),
    "legend-yaml": legend("legend.yaml", "classes:\n- name: ground\n  color: '#806040'\n- name: road\nignore: 255\n"),
    "legend-csv": legend("legend.csv", "index,name,color\n0,ground,#806040\n1,road,#20ff10\n"),
    "legend-colors": legend("label_colors.txt", "64 128 64\tAnimal\n192 0 128\tArchway\n0 0 0\tVoid\n"),
    "strokes": Kind(text("strokes.json", json.dumps({"classes": CLASSES, "strokes": STROKES})), strokes),
    "journal": Kind(journal, read_journal),
    "split-list": Kind(lambda folder: dataset(folder) / "train.txt", read_dataset),
    "mask": Kind(lambda folder: dataset(folder) / "masks" / "0.png", lambda path: read_dataset(path.parents[1])),
    "run-config": Kind(config, read_config),
    "model-json": network("model.json"),
    "model-weights": network("model.safetensors"),
    "forest-json": forest("model.json"),
    "forest-arrays": forest("model.safetensors"),
}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Content with a few bytes changed, cut out, repeated or cut off; more often near the beginning."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        reach = len(data) if rng.random() < 0.5 else min(len(data), 256)
        place = int(rng.integers(0, max(reach, 1)))
        action = rng.random()
        if action < 0.35:
            data[place : place + 1] = bytes([int(rng.integers(0, 256))])
        elif action < 0.6 and place < len(data):
            data[place] ^= 1 << int(rng.integers(0, 8))
        elif action < 0.7:
            data[place : place + 4] = int(rng.choice([0, 2**31 - 1, 2**32 - 1, 2**16, 10**9])).to_bytes(4, "little")
        elif action < 0.8:
            data[place:place] = data[place : place + int(rng.integers(1, 64))]
        elif action < 0.9:
            del data[place : place + int(rng.integers(1, 16))]
        elif action < 0.95:
            data[place : place + 1] = rng.choice(
                [b"9" * 12, b"-1", b"NaN", b"\xff\xfe", b"[" * 3000, b"../../../etc/x"]
            )
        else:
            del data[place:]
    return bytes(data)


def outcome(kind: Kind, path: Path) -> str | None:
    """What is wrong with the outcome of reading a damaged file; None where it was read or refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)  # as densa's import does
            kind.read(path)
    except InputError as error:
        return f"a message of several lines: {error}" if _is_long(str(error)) else None
    except BaseException:
        return traceback.format_exc()
    return None


def _is_long(message: str) -> bool:
    return "\n" in message and "problem" not in message


def damage(name: str, seed: int, count: int) -> int:
    """Read `count` damaged files of a kind; print and count the wrong outcomes."""
    kind, n_wrong = KINDS[name], 0
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        path = kind.write(Path(folder))
        content = path.read_bytes()
        kind.read(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + 6 * BYTES, resource.RLIM_INFINITY))
        for number in range(seed, seed + count):
            path.write_bytes(damaged(content, np.random.default_rng(number)))
            print(f"{name} {number}", flush=True)
            signal.alarm(SECONDS)
            wrong = outcome(kind, path)
            signal.alarm(0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if (peak - before) * 1024 > BYTES:
                wrong, before = f"{(peak - before) // 1024} MB of memory", peak
            if wrong:
                n_wrong += 1
                print(f"WRONG {name} {number}: {wrong}", flush=True)
    return n_wrong


def _address_space() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))


if __name__ == "__main__":
    names = sys.argv[1].split(",")
    hide_undecodable_messages()
    total = sum(damage(name, int(sys.argv[2]), int(sys.argv[3])) for name in names)
    print(f"{total} wrong")
