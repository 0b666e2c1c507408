"""What is wrong with a file that cannot be read, and whether its name says what it is."""

from __future__ import annotations

from pathlib import Path

__all__ = ["fault_of", "suffix_of_content"]

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"II+\0", ".tif"),
    (b"MM\0+", ".tif"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"\0\0\0\x0cjP  ", ".jp2"),
)
_SAME = {".jpeg": ".jpg", ".jpe": ".jpg", ".tiff": ".tif"}
_TAIL = 64  # bytes at the end of a file in which its format ends


def suffix_of_content(path: Path) -> str | None:
    """The suffix of the format that a file has by its first bytes, where its name has another; None otherwise."""
    head = _bytes(path, 0, 16)
    found = next((suffix for signature, suffix in _SIGNATURES if head.startswith(signature)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = ".webp"
    named = path.suffix.lower()
    return None if found is None or found == _SAME.get(named, named) else found


def fault_of(path: Path) -> str:
    """The code of a file that cannot be read: "file-empty", "file-truncated" or "file-corrupt"."""
    try:
        size = path.stat().st_size
    except OSError:
        return "file-corrupt"
    if size == 0:
        return "file-empty"
    head, tail = _bytes(path, 0, 16), _bytes(path, max(0, size - _TAIL), _TAIL)
    if head.startswith(b"\x89PNG"):
        cut = b"IEND" not in tail
    elif head.startswith(b"\xff\xd8"):
        cut = b"\xff\xd9" not in tail
    elif head[:2] in (b"II", b"MM"):
        cut = _tiff_is_cut(path, size)
    elif head.startswith(b"BM"):
        cut = int.from_bytes(head[2:6], "little") > size
    else:
        cut = False
    return "file-truncated" if cut else "file-corrupt"


def _tiff_is_cut(path: Path, size: int) -> bool:
    """Whether a classic TIFF's directory, or the pixels of its first page, lie beyond the end of the file."""
    head = _bytes(path, 0, 8)
    order = "little" if head[:2] == b"II" else "big"
    if int.from_bytes(head[2:4], order) != 42:  # type: ignore[arg-type]
        return False

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)  # type: ignore[arg-type]

    at = number(head[4:8])
    n = number(_bytes(path, at, 2))
    if at + 2 + 12 * n > size:
        return True
    ends = []
    tables: dict[int, list[int]] = {}
    for i in range(n):
        entry = _bytes(path, at + 2 + 12 * i, 12)
        tag, kind, count = number(entry[:2]), number(entry[2:4]), min(number(entry[4:8]), 1 << 20)
        width = {3: 2, 4: 4}.get(kind)
        if tag not in (273, 279, 324, 325) or width is None:
            continue
        inside = width * count <= 4
        data = entry[8:] if inside else _bytes(path, number(entry[8:12]), width * count)
        if len(data) < width * count:
            return True
        tables[tag] = [number(data[width * k : width * (k + 1)]) for k in range(count)]
    for starts, lengths in ((273, 279), (324, 325)):
        ends += [a + b for a, b in zip(tables.get(starts, []), tables.get(lengths, []), strict=False)]
    return max(ends, default=0) > size


def _bytes(path: Path, start: int, n: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(n)
    except OSError:
        return b""
