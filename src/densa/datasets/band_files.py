"""Images whose bands lie in several files: `T32_B04.tif` and `T32_B08.tif`, as Sentinel-2 and Landsat are delivered."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from densa import raster
from densa.datasets.image_files import image_files
from densa.errors import InputError
from densa.locations import BandFiles, Elsewhere

__all__ = ["BandsOfScene", "band_of", "channels_of_cases", "joined_bands", "scenes_in_bands"]

BandsOfScene = tuple[tuple[str, Path], ...]
"""Names and files of the bands of one scene, in order."""

_NAMED = (
    "coastal", "red", "green", "blue", "rededge", "rededge1", "rededge2", "rededge3", "nir", "nir08", "nir09", "swir",
    "swir1", "swir2", "swir16", "swir22", "pan", "cirrus", "thermal", "vv", "vh", "hh", "hv",
)  # fmt: skip
_BAND = re.compile(
    r"(?P<scene>.+?)[_.-](?P<band>B(?:0?[1-9]|1[0-2]|8A)|(?:SR|ST|TOA)_B(?:0?[1-9]|1[01])|band_?\d{1,2}|"
    rf"{'|'.join(sorted(_NAMED, key=len, reverse=True))})(?:[_.-]\d{{2,3}}m)?",
    re.IGNORECASE,
)
_CHANNEL = re.compile(r"(.+)_(\d{4})")
_COLOURS = ("red", "green", "blue")


def band_of(stem: str) -> tuple[str, str] | None:
    """The scene and the band that the name of a file tells, without its suffix; None where it tells none.

    Bands are those of Sentinel-2 (B01 to B12, B8A, with or without a resolution: B05_20m), of Landsat (B1 to B11,
    SR_B4), band1, band_2, and names such as red, nir or swir1, at the end of the name after _, - or a dot.

    Examples:
        >>> from densa.datasets.band_files import band_of
        >>> band_of("T32TPT_20200722_B08_10m")
        ('T32TPT_20200722', 'B08')
        >>> band_of("LC08_193027_SR_B4"), band_of("photo_1")
        (('LC08_193027', 'SR_B4'), None)
    """
    found = _BAND.fullmatch(stem)
    return None if found is None else (found["scene"], found["band"])


def scenes_in_bands(paths: Iterable[Path]) -> dict[tuple[Path, str], BandsOfScene]:
    """Scenes, by folder and name, of which there are files of two bands or more, and none of a band twice.

    Numbered bands are in the order of their numbers (B8A after B08), named ones red, green, blue, then by name.
    """
    found: dict[tuple[Path, str], list[tuple[str, Path]]] = defaultdict(list)
    for path in paths:
        if (told := band_of(path.stem)) is not None:
            found[path.parent, told[0]].append((told[1], path))
    return {
        scene: tuple(sorted(bands, key=lambda band: _rank(band[0])))
        for scene, bands in found.items()
        if len(bands) > 1 and len({name.lower() for name, _ in bands}) == len(bands)
    }


def channels_of_cases(paths: Iterable[Path]) -> dict[tuple[Path, str], tuple[Path, ...]]:
    """Files of the channels of a case, as nnU-Net names them: `case_0000.tif`, `case_0001.tif` and so on, in order."""
    found: dict[tuple[Path, str], dict[int, Path]] = defaultdict(dict)
    for path in paths:
        if (match := _CHANNEL.fullmatch(path.stem)) is not None:
            found[path.parent, match[1]][int(match[2])] = path
    return {
        case: tuple(files[i] for i in range(len(files)))
        for case, files in found.items()
        if len(files) > 1 and sorted(files) == list(range(len(files)))
    }


def _rank(band: str) -> tuple[int, int, str]:
    """Order of a band beside others."""
    name = band.lower()
    if name in _COLOURS:
        return 0, _COLOURS.index(name), ""
    number = re.search(r"\d+", name)
    return (2, 0, name) if number is None or name in _NAMED else (1, int(number[0]), name)


def joined_bands(
    images: Sequence[Path], names: Callable[[], Sequence[str]], tell: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """The images, where files of all bands that a model names, or of all channels of a case, are one image.

    Args:
        images: files and folders.
        names: returns the names of the bands that are read, in order; with a single one, every file is an image. Called
            only where there are files of several bands of one scene.
        tell: called with a line on what is read together.
    """
    listed = [file for path in images for file in _files(path)]
    scenes, cases = scenes_in_bands(listed), channels_of_cases(listed)
    if not scenes and not cases:
        return list(images)
    wanted = tuple(names())
    if len(wanted) < 2:
        return list(images)
    found: dict[Path, BandFiles] = {}
    for (folder, scene), bands in scenes.items():
        own = {name.lower(): (name, file) for name, file in bands}
        if all(name.lower() in own for name in wanted):
            chosen: BandsOfScene = tuple((name, own[name.lower()][1]) for name in wanted)
            joined = BandFiles(str(folder / (scene + chosen[0][1].suffix)), chosen)
            found |= {file: joined for _, file in bands}
    for (folder, case), channels in cases.items():
        if len(channels) == len(wanted) and _has_one_band(channels[0]):
            joined = BandFiles(str(folder / (case + channels[0].suffix)), tuple(zip(wanted, channels, strict=True)))
            found |= dict.fromkeys(channels, joined)
    if not found:
        return list(images)
    first = next(iter(found.values()))
    n = len({str(one) for one in found.values()})
    tell(f"{n} image{'s' * (n > 1)} read from files of the bands ({', '.join(wanted)}); first: {first.name}")
    planned: dict[str, Path] = {}
    for path in images:
        files = _files(path)
        for one in files if any(file in found for file in files) else [path]:
            joined_or_own = found.get(one, one)
            planned.setdefault(str(joined_or_own), joined_or_own)
    return list(planned.values())


def _has_one_band(path: Path) -> bool:
    try:
        with raster.open(path) as image:
            return image.n_bands == 1
    except InputError:  # reading it says what is wrong
        return False


def _files(path: Path) -> list[Path]:
    if isinstance(path, Elsewhere) or not path.is_dir():
        return [path]
    return list(image_files(path))
