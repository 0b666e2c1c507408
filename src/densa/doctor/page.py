"""The report of a diagnosis: one page with pictures, findings.json, and a legend where one mends something."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.masks import MaskScan
from densa.doctor.codings.recoding import Recoding, labels_of
from densa.doctor.diagnosis import Diagnosis
from densa.doctor.doubts.label_files import page_of_labels, write_tables
from densa.doctor.finding import Finding
from densa.doctor.labels import class_pixels
from densa.doctor.subject import Fault, Record
from densa.errors import InputError
from densa.legend import IGNORE, Legend, default_colors
from densa.outputs import check_folder, is_same
from densa.raster import atomic_output
from densa.raster.masks.values import read_mask_file
from densa.reports.html import check_files, make_folder, page_facts, render_page
from densa.reports.pictures import jpeg_uri, png_uri
from densa.reports.thumbnails import shrink_image, shrink_labels, thumbnail_size

__all__ = ["check_report", "write_report"]

_SIDE = 320  # pixels of a picture
_SHOWN = 4  # pairs of a finding
_MOST_PIXELS = 1 << 26  # of an image that is shown
_LINE = np.array([255, 64, 160], np.uint8)
_WITHOUT_PICTURES = {"file-empty", "file-truncated", "file-corrupt", "legend-invalid"}


class _Picture(NamedTuple):
    """A pair of a finding: its image with the borders of its mask, and the mask."""

    name: str
    image: str
    mask: str | None


def check_report(output: Path | str, data: Path, *, overwrite: bool = False) -> tuple[Path, Path | None]:
    """The paths of the page and of findings.json; an .html file is the page alone.

    Raises:
        InputError: they exist, or the folder is the data.
    """
    output = Path(output)
    if output.suffix.lower() in (".html", ".htm"):
        if output.is_dir():
            raise InputError(f"output must be a folder or an .html file, but {output} is a folder of that name")
        if output.exists() and not overwrite:
            raise InputError(f"{output} exists; choose another file or pass overwrite=True")
        check_folder(output.parent)
        return output, None
    if is_same(output, data):
        raise InputError(f"the report {output} is the data; choose another folder")
    check_folder(output)
    page, findings = check_files(output, ("report.html", "findings.json"), "report", overwrite=overwrite)
    return page, findings


def write_report(diagnosis: Diagnosis, output: Path | str, *, overwrite: bool = False) -> Path:
    """Write the report of a diagnosis.

    Args:
        diagnosis: from `examine`.
        output: folder of report.html, findings.json and, where one mends something, legend.json; or an .html file for
            the page alone.
        overwrite: replace files that exist.

    Returns:
        The page.

    Raises:
        InputError: a file exists or cannot be written.

    Examples:
        >>> from densa import datasets, doctor
        >>> found = doctor.examine(datasets.coins("coins"))
        >>> page = doctor.write_report(found, "report")
        >>> sorted(path.name for path in page.parent.iterdir())
        ['findings.json', 'report.html']
    """
    page, numbers = check_report(output, diagnosis.data, overwrite=overwrite)
    html = _render(diagnosis)
    make_folder(page.parent)
    texts = {page: html}
    if numbers is not None:
        texts[numbers] = json.dumps(diagnosis.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if diagnosis.legend_file is not None:
            legend = json.dumps(diagnosis.legend_file.to_dict(), indent=1, ensure_ascii=False) + "\n"
            texts[page.with_name("legend.json")] = legend
    for path, text in texts.items():
        with atomic_output(path, overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    if numbers is not None and diagnosis.labels is not None:
        write_tables(diagnosis.labels, page.parent, overwrite=True)
    return page


def _render(diagnosis: Diagnosis) -> str:
    of_file: dict[Path, Record] = {}
    if diagnosis.subject is not None:
        for record in diagnosis.subject.records:
            of_file[record.sample.image] = record
            if record.sample.mask is not None:
                of_file[record.sample.mask] = record
    facts = {"data": diagnosis.data, "legend": diagnosis.source or None}
    return render_page(
        "doctor.html.j2",
        {"count": lambda n: f"{int(n):,}".replace(",", "\u202f"), "percent": lambda x: f"{100 * x:.2f} %"},
        data=diagnosis.data,
        facts=page_facts(facts),
        counts=[(kind, diagnosis.count(kind)) for kind in ("error", "warning", "note")],
        n_images=sum(diagnosis.splits.values()),
        splits=diagnosis.splits,
        findings=[(found, list(_pictures(diagnosis, found, of_file))) for found in diagnosis.findings],
        classes=_classes(diagnosis),
        labels=page_of_labels(diagnosis.labels, diagnosis.legend),
        line=None if diagnosis.subject is None else diagnosis.subject.layout.line(),
    )


def _classes(diagnosis: Diagnosis) -> dict[str, Any] | None:
    """Pixels of each class in each split, for the table."""
    subject = diagnosis.subject
    if subject is None or subject.recoding is None:
        return None
    legend = subject.recoding.legend
    splits: dict[str, NDArray[np.int64]] = {}
    images: dict[str, int] = {}
    for record in subject.records:
        if (n := class_pixels(record, subject)) is not None:
            splits[record.split] = splits.get(record.split, 0) + n
            images[record.split] = images.get(record.split, 0) + 1
    if not splits:
        return None
    rows = []
    for i, name in enumerate((*legend.class_names, "not labelled")):
        color = legend.colors[i] if i < legend.n_classes else None
        place = i if color else -1
        rows.append((name, color, [(int(n[place]), int(n[place]) / max(1, int(n.sum()))) for n in splits.values()]))
    return {"splits": list(splits), "images": images, "rows": rows}


def _pictures(diagnosis: Diagnosis, found: Finding, of_file: dict[Path, Record]) -> Iterator[_Picture]:
    if found.code in _WITHOUT_PICTURES or diagnosis.subject is None:
        return
    records = list({id(of_file[path]): of_file[path] for path in found.files if path in of_file}.values())
    for record in records[:_SHOWN]:
        try:
            yield _picture(record, diagnosis.subject.recoding)
        except (InputError, MemoryError, OSError):
            continue


def _picture(record: Record, recoding: Recoding | None) -> _Picture:
    with raster.open(record.sample.image, page=record.sample.page) as opened:
        size = thumbnail_size((opened.height, opened.width), _SIDE)
        if opened.height * opened.width > _MOST_PIXELS:
            raise InputError("too large to be shown")
        values, valid = opened.read()
    image = shrink_image(values, valid, size)
    if record.sample.mask is None or isinstance(record.mask, Fault) or record.sample.drawn is not None:
        return _Picture(record.sample.name, jpeg_uri(image), None)
    assert isinstance(record.mask, MaskScan)
    file = read_mask_file(record.sample.mask, page=record.sample.page)
    labels, palette = _shown(file.values, labels_of(file, record.mask, recoding) if recoding else None, recoding)
    small = shrink_labels(labels, thumbnail_size(labels.shape, _SIDE))
    if small.shape == image.shape[:2]:
        border = np.zeros(small.shape, bool)
        border[1:] |= small[1:] != small[:-1]
        border[:, 1:] |= small[:, 1:] != small[:, :-1]
        image = image.copy()
        image[border] = _LINE
    return _Picture(record.sample.name, jpeg_uri(image), png_uri(small, palette))


def _shown(
    values: NDArray[Any], labels: NDArray[np.uint8] | None, recoding: Recoding | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The labels of a mask with the palette of its classes; of an unknown coding, its values in any colours."""
    if labels is not None and recoding is not None and (labels != IGNORE).any():
        return labels, _palette(recoding.legend)
    keys = values if values.ndim == 2 else values.astype(np.int64) @ np.array([65536, 256, 1])
    _, place = np.unique(keys, return_inverse=True)
    palette = np.zeros((256, 3), np.uint8)
    palette[1:] = default_colors(255)
    return (place.reshape(keys.shape) % 256).astype(np.uint8), palette


def _palette(legend: Legend) -> NDArray[np.uint8]:
    palette = legend.palette()
    palette[IGNORE] = (190, 190, 190)
    return palette
