"""What an image and a model are told apart by when a prediction is resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import densa
from densa.raster import Raster

if TYPE_CHECKING:
    from densa.segmenter import Segmenter

__all__ = ["content_hash", "image_identity", "origin_tags", "segmenter_identity"]

_PROBE_BYTES = 2**16
_N_PROBES = 16


def image_identity(raster: Raster, page: int) -> dict[str, Any]:
    """Name, size, time and some of the content of an image file.

    The folder is left out: machines that share the file may see it under another path.
    """
    status = Path(raster.path).stat()
    return {
        "name": raster.path.name,
        "page": page,
        "bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "content": _probe(raster.path, status.st_size),
        "height": raster.height,
        "width": raster.width,
        "bands": raster.n_bands,
    }


def origin_tags(image: Mapping[str, Any]) -> dict[str, str]:
    """Who made a file, of which image: nothing that another tiling or another day would change.

    Args:
        image: from `image_identity`.
    """
    return {"DENSA_VERSION": densa.__version__, "DENSA_IMAGE": f"{image['name']} {image['content']}"}


def content_hash(content: Mapping[str, Any]) -> str:
    """Hash of what JSON can hold."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=12).hexdigest()


def _probe(path: Path, n_bytes: int) -> str:
    """Hash of evenly spread pieces of a file, the first and the last among them."""
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for start in sorted({int(s) for s in np.linspace(0, max(n_bytes - _PROBE_BYTES, 0), _N_PROBES)}):
            file.seek(start)
            found.update(file.read(_PROBE_BYTES))
    return found.hexdigest()


def segmenter_identity(segmenter: Segmenter, fingerprint: str | None = None) -> dict[str, Any]:
    """What a segmenter is, to be compared with what an earlier run used.

    Args:
        segmenter: anything trained.
        fingerprint: of its files, where it came from files; None hashes what the segmenter answers to a block of noise,
            which is the same in every process of one machine.
    """
    return {
        "classes": list(segmenter.legend.class_names),
        "bands": list(segmenter.bands.names),
        "halo": segmenter.halo,
        "stride": segmenter.stride,
        "device": "" if segmenter.device is None else segmenter.device.type,
        "precision": "" if segmenter.dtype is None else str(segmenter.dtype),
        "fingerprint": _answer(segmenter) if fingerprint is None else fingerprint,
    }


def _answer(segmenter: Segmenter) -> str:
    bands = segmenter.bands
    noise = np.random.default_rng(0).standard_normal((bands.n_bands, 40, 56))
    mean, std = (np.array(values)[:, None, None] for values in (bands.mean, bands.std))
    answer = segmenter.probabilities((mean + std * noise).astype(np.float32), np.ones((40, 56), bool))
    return hashlib.blake2b(np.ascontiguousarray(answer).tobytes(), digest_size=16).hexdigest()
