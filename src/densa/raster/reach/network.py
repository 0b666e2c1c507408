"""How GDAL reads from the network: ranges of what is named, within limits of time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from densa.locations import Elsewhere
from densa.raster.reach.allowed import is_remote_allowed

__all__ = ["STALLED_S", "gdal_name", "network_options", "reason_of"]

STALLED_S = 5
"""Seconds without an answer after which a server counts as stalled."""

# GDAL's own environment variables take precedence over all of these.
_LIMITS = {
    "GDAL_HTTP_CONNECTTIMEOUT": f"{STALLED_S}",
    "GDAL_HTTP_LOW_SPEED_TIME": f"{STALLED_S}",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "100",  # bytes a second
    "GDAL_HTTP_TIMEOUT": "30",  # of one range
    "CPL_AWS_AUTODETECT_EC2": "NO",  # no request to the machine's metadata service
    "CPL_GCE_SKIP": "YES",
    "JPEG_READ_MASK": "NO",  # a request for the end of the file
}
_MUST_SEND_RANGES = "does not send ranges of bytes, as it must; download it"
_NOWHERE = "/vsicurl/nowhere"


def gdal_name(path: Path) -> str:
    """GDAL's name of a file, in whatever folder the program is later."""
    return path.gdal_name if isinstance(path, Elsewhere) else str(path.absolute())


def network_options(path: Path | None, is_remote: bool = False) -> dict[str, Any]:
    """GDAL's options for reading a file: of a URL itself alone, for others nothing unless the user allows it.

    Args:
        path: the file.
        is_remote: it is a file of this machine that refers to the network.
    """
    limits = {name: value for name, value in _LIMITS.items() if name not in os.environ}
    if isinstance(path, Elsewhere):
        # No listing of its folder, no masks or overviews beside it.
        return limits | {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "CPL_VSIL_CURL_ALLOWED_FILENAME": path.gdal_name}
    if is_remote_allowed():
        return limits | ({"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"} if is_remote else {})
    return {"CPL_VSIL_CURL_ALLOWED_FILENAME": _NOWHERE}


def reason_of(reason: str, path: Elsewhere) -> str:
    """What GDAL says of a file on the network, with what to do."""
    if "Range downloading not supported" in reason:
        return f"its server {_MUST_SEND_RANGES}"
    if "not recognized as" in reason:  # also what GDAL says last where ranges are not supported
        return f"it is no image that densa reads (TIFF, JPEG 2000, PNG, JPEG, ...), or its server {_MUST_SEND_RANGES}"
    if "too slow" in reason or "timed out" in reason.lower() or "Timeout" in reason:
        return (
            f"its server stalls ({reason}); try again, or raise GDAL_HTTP_LOW_SPEED_TIME, GDAL_HTTP_CONNECTTIMEOUT or "
            "GDAL_HTTP_TIMEOUT (seconds)"
        )
    if "response code: 404" in reason or "does not exist" in reason:
        return f"there is no such file ({reason})"
    if "response code: 40" in reason:
        return f"its server refuses it ({reason}); give credentials in the environment variables of GDAL"
    return reason.replace(path.gdal_name, str(path))
