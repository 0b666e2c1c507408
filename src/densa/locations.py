"""Where an image is: a file, a URL, a path of GDAL's file systems, or some assets of a STAC item."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from densa.errors import InputError

if sys.platform == "win32":
    from pathlib import WindowsPath as _SystemPath
else:
    from pathlib import PosixPath as _SystemPath

__all__ = [
    "ITEM_SUFFIXES",
    "Assets",
    "BandFiles",
    "Elsewhere",
    "chosen_assets",
    "location",
    "shown",
    "with_assets",
    "without_layer",
]

_SYSTEMS = {
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
    "abfs": "/vsiadls/",
    "oss": "/vsioss/",
    "swift": "/vsiswift/",
}
_URL = re.compile(r"(?i)([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])(.*)", re.DOTALL)  # Path("https://h") is "https:/h"
_ASSETS = "#assets="
_LAYER = "#layer="

ITEM_SUFFIXES = {".json", ".geojson"}
"""Suffixes by which an image is taken for a STAC item."""


class _Special(_SystemPath):
    """A path that holds more than its text; what is derived from it is an ordinary path."""

    if sys.version_info >= (3, 12):

        def with_segments(self, *segments: str | os.PathLike[str]) -> Path:  # type: ignore[override]
            return Path(*segments)

    else:

        @classmethod
        def _from_parsed_parts(cls, *parts: Any) -> Path:
            return _SystemPath._from_parsed_parts(*parts)  # type: ignore[attr-defined]


class Elsewhere(_Special):
    """A path that GDAL reads through one of its file systems; its text stays as it was given.

    It stands where paths stand: `name`, `stem` and `suffix` are those of the file without a query, and `str` shows
    neither a query nor a password. Whether the file exists is known when it is opened.

    Attributes:
        url: as it was given, such as "https://host/scene.tif?token=1".
    """

    url: str

    def __new__(cls, text: str) -> Self:
        """From the text that was given."""
        made = super().__new__(cls, _without_query(text))
        made.url = text
        return made

    if sys.version_info >= (3, 12):

        def __init__(self, text: str) -> None:
            super().__init__(_without_query(text))

    @property
    def gdal_name(self) -> str:
        """GDAL's name of it, such as "/vsicurl/https://host/scene.tif?token=1".

        Raises:
            InputError: no URL.
        """
        return _gdal_name(self.url)

    def __str__(self) -> str:
        return shown(self.url)

    def __repr__(self) -> str:
        return f"Elsewhere({str(self)!r})"

    def __fspath__(self) -> str:
        return self.url

    def __reduce__(self) -> Any:
        return type(self), (self.url,)

    def __eq__(self, other: object) -> bool:
        return self.url == other.url if isinstance(other, Elsewhere) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.url)

    def absolute(self) -> Self:
        """Itself."""
        return self

    def resolve(self, strict: bool = False) -> Self:
        """Itself."""
        return self

    def exists(self, **options: Any) -> bool:
        """True: opening it will tell."""
        return True

    def is_dir(self, **options: Any) -> bool:
        """False: nothing is listed."""
        return False


class Assets(_Special):
    """A STAC item on this machine, with the names of the assets that are its bands.

    Attributes:
        names: of the assets, in order.
    """

    names: tuple[str, ...]

    def __new__(cls, path: str, names: tuple[str, ...] = ()) -> Self:
        """From the path of the item and the names."""
        made = super().__new__(cls, path)
        made.names = names
        return made

    if sys.version_info >= (3, 12):

        def __init__(self, path: str, names: tuple[str, ...] = ()) -> None:
            super().__init__(path)

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.names)

    def absolute(self) -> Self:
        """The same item, by its absolute path."""
        return type(self)(os.path.abspath(self), self.names)


class BandFiles(_Special):
    """An image whose bands are files of their own; its name is that of the scene.

    Attributes:
        bands: name and file of each band, in order.
    """

    bands: tuple[tuple[str, Path], ...]

    def __new__(cls, path: str, bands: tuple[tuple[str, Path], ...] = ()) -> Self:
        """From the path that the image would have as one file, and the files of its bands."""
        made = super().__new__(cls, path)
        made.bands = bands
        return made

    if sys.version_info >= (3, 12):

        def __init__(self, path: str, bands: tuple[tuple[str, Path], ...] = ()) -> None:
            super().__init__(path)

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.bands)

    def absolute(self) -> Self:
        """The same image, by absolute paths."""
        return type(self)(os.path.abspath(self), tuple((name, file.absolute()) for name, file in self.bands))

    def resolve(self, strict: bool = False) -> Self:
        """The same image, by the places of its files."""
        return type(self)(os.path.realpath(self), tuple((name, file.resolve(strict)) for name, file in self.bands))

    def exists(self, **options: Any) -> bool:
        """Whether all files are there."""
        return all(file.exists(**options) for _, file in self.bands)

    def is_file(self, **options: Any) -> bool:
        """Whether all are files."""
        return all(file.is_file(**options) for _, file in self.bands)

    def is_dir(self, **options: Any) -> bool:
        """False: its files are listed already."""
        return False

    def stat(self, **options: Any) -> os.stat_result:
        """That of the first file."""
        return self.bands[0][1].stat(**options)


def location(path: Path | str) -> Path:
    """A path as densa reads it; a URL or /vsi path stays as it is, where `Path` would change it.

    Args:
        path: a file or folder, a URL (http, https, s3, gs, az, ...) or /vsi path, or a STAC item, of which
            "item.json#assets=red,nir" names the assets.
    """
    if isinstance(path, (Elsewhere, Assets, BandFiles)):
        return path
    text = str(path)
    found = _URL.fullmatch(text)
    if found and found[1].lower() in _SYSTEMS:
        return Elsewhere(f"{found[1].lower()}://{found[2]}")
    if text.startswith("/vsi") and not Path(text).exists():
        return Elsewhere(text)
    file, mark, names = text.partition(_ASSETS)
    if mark and not Path(text).exists():
        return Assets(file, _asset_names(names))
    return Path(path)


def _asset_names(text: str) -> tuple[str, ...]:
    """The names of assets with commas between them."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise InputError(f"assets must be different names with commas between them, such as red,nir, got {text!r}")
    return names


def with_assets(path: Path, names: str | None) -> Path:
    """The path of a STAC item with the assets that it is read by; other paths as they are."""
    if names is None or path.suffix.lower() not in ITEM_SUFFIXES:
        return path
    _asset_names(names)
    if isinstance(path, Elsewhere):
        return Elsewhere(f"{path.url.partition(_ASSETS)[0]}{_ASSETS}{names}")
    return Assets(str(path), _asset_names(names))


def without_layer(path: Path | str) -> Path:
    """The file of "FILE#layer=NAME", which names a layer of a vector file; other paths as they are."""
    return Path(str(path).partition(_LAYER)[0])


def chosen_assets(path: Path) -> tuple[str, ...]:
    """The assets that a path names, empty if none."""
    if isinstance(path, Elsewhere):
        names = path.url.partition(_ASSETS)[2]
        return _asset_names(names) if names else ()
    return path.names if isinstance(path, Assets) else ()


def shown(url: str) -> str:
    """A URL or /vsi path for people and files: without query and password, which may hold a secret."""
    text = _without_query(url)
    return re.sub(r"://[^/@]*@", "://", text)


def _without_query(text: str) -> str:
    if text.startswith("/vsicurl?"):  # its options; the URL is one of them
        return parse_qs(text.partition("?")[2]).get("url", ["/vsicurl"])[0].partition("?")[0]
    return re.split(r"[?#]", text, maxsplit=1)[0]


def _gdal_name(text: str) -> str:
    if text.startswith("/vsi"):
        if text.startswith("/vsisparse"):
            raise InputError(f"{shown(text)}: /vsisparse describes other files, it is not read; give a file")
        return text
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise InputError(f"{shown(text)} is no URL: {error}") from error
    place = text.partition("://")[2].partition("#")[0]
    return _SYSTEMS[parts.scheme] + (place.replace(" ", "%20") if parts.scheme in {"http", "https"} else place)
