"""STAC items: named assets of one grid, read as the bands of one raster."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from densa.errors import InputError
from densa.locations import Elsewhere, chosen_assets, location
from densa.raster.elsewhere import open_elsewhere
from densa.raster.gdal import GdalRaster
from densa.raster.joined import JoinedRaster, check_one_grid
from densa.raster.raster import Raster
from densa.raster.reach.allowed import check_reference, is_remote, is_remote_allowed
from densa.raster.reach.network import STALLED_S

__all__ = ["open_item"]

_MOST_BYTES = 16 * 2**20
_USUAL = ("red", "green", "blue")
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG"}


def open_item(path: Path, page: int = 0) -> Raster:
    """Open the assets of a STAC item as the bands of one raster.

    The assets are those that the path names (`location("item.json#assets=red,nir")`); without names the only raster,
    or else red, green and blue.

    Args:
        path: of the item, a file or a URL.
        page: must be 0.

    Raises:
        InputError: no item, an asset that it lacks or that may not be read, assets whose grids differ.
    """
    if page:
        raise InputError(f"page of {path} must be 0, got {page}: a STAC item has one")
    item = _read(path)
    assets = item.get("assets")
    if item.get("type") != "Feature" or not isinstance(assets, dict):
        raise InputError(f"{path} must be a STAC item: a Feature with assets; give one, or an image")
    names = chosen_assets(path) or _usual(path, assets)
    if missing := [name for name in names if name not in assets]:
        raise InputError(f"{path} has no asset {missing[0]}; it has {', '.join(assets)}")
    opened: list[Raster] = []
    try:
        for name in names:
            opened.append(_open_asset(path, name, assets[name]))
        mend = "choose assets of one resolution with assets="
        check_one_grid(f"the assets of {path}", names, opened, mend)
        return JoinedRaster(path, names, opened)
    except InputError:
        for raster in opened:
            raster.close()
        raise


def _usual(path: Path, assets: Mapping[str, Any]) -> tuple[str, ...]:
    """The assets that are read where none are named."""
    images = [name for name, asset in assets.items() if _is_data(asset)]
    if len(images) == 1:
        return (images[0],)
    if set(_USUAL) <= set(images):
        return _USUAL
    raise (
        InputError(f"assets of {path} must be named: choose from {', '.join(assets)}, such as assets={images[0]}")
        if (images)
        else InputError(f"{path} has no asset that is a TIFF or JPEG 2000; it has {', '.join(assets) or 'none'}")
    )


def _is_data(asset: Any) -> bool:
    if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
        return False
    roles = asset.get("roles")
    aside = any(role in ("thumbnail", "overview", "metadata") for role in (roles if isinstance(roles, list) else ()))
    return not aside and Path(asset["href"].partition("?")[0]).suffix.lower() in _DRIVERS


def _open_asset(item: Path, name: str, asset: Any) -> Raster:
    href = asset.get("href") if isinstance(asset, dict) else None
    if not isinstance(href, str) or not href:
        raise InputError(f"asset {name} of {item} must have an href")
    if isinstance(item, Elsewhere):
        return _open_remote(item, href)
    if is_remote(href):
        check_reference(href, item.parent, item, ())
        place = location(href)
        if not isinstance(place, Elsewhere):
            raise InputError(f"asset {name} of {item} is at {href}, which densa does not read; download it")
        return open_elsewhere(place)
    file = check_reference(href, item.parent, item, {item.parent.resolve(), item.resolve().parent})
    assert file is not None
    if file.suffix.lower() not in _DRIVERS:
        raise InputError(f"asset {name} of {item} must be a TIFF or JPEG 2000, got {href}")
    return GdalRaster(file, _DRIVERS[file.suffix.lower()])


def _open_remote(item: Elsewhere, href: str) -> Raster:
    """An asset of an item at a URL; without the user's leave only one below the folder of the item."""
    folder = item.url.partition("#")[0].partition("?")[0].rpartition("/")[0] + "/"
    try:
        url = urljoin(folder, href)
    except ValueError as error:
        raise InputError(f"{item} refers to {href!r}, which is no URL: {error}") from error
    place = location(url)
    inside = url.startswith(folder) and "/../" not in url and "%" not in url.removeprefix(folder)
    if not isinstance(place, Elsewhere) or not is_remote(url):
        raise InputError(f"{item} refers to {href!r}, which is not on the network; only URLs are followed from there")
    if not inside and not is_remote_allowed():
        raise InputError(f"{item} refers to {place}, which is outside of its folder; allow_remote=True allows that")
    return open_elsewhere(place)


def _read(path: Path) -> dict[str, Any]:
    try:
        if isinstance(path, Elsewhere):
            content = _fetch(path)
        else:
            with Path(str(path)).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path} is no STAC item: it has more than {_MOST_BYTES // 2**20} MB")
    try:
        item = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must be a STAC item in JSON: {error}") from error
    return item if isinstance(item, dict) else {}


def _fetch(path: Elsewhere) -> bytes:
    """The text of an item at a URL, by HTTP alone."""
    url = path.url.partition("#")[0].removeprefix("/vsicurl/")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise InputError(f"a STAC item must be a file or at http(s)://, got {path}; download it")
    try:
        with urllib.request.urlopen(url, timeout=STALLED_S) as answer:
            content, end = bytearray(), time.monotonic() + 2 * STALLED_S
            while len(content) <= _MOST_BYTES and (part := answer.read1(2**16)):
                content += part
                if time.monotonic() > end:
                    raise TimeoutError("its server is too slow")
            return bytes(content)
    except urllib.error.HTTPError as error:
        raise InputError(f"{path} cannot be read: HTTP response code: {error.code}") from error
    except (OSError, ValueError, HTTPException) as error:  # URLError and timeouts are OSErrors
        raise InputError(f"{path} cannot be read: {getattr(error, 'reason', None) or error}") from error
