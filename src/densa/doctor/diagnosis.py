"""Examination of a data set: every check, every finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from densa.datasets import Dataset, Sample
from densa.datasets.choice import MaskReading, choose_legend, stated_legend
from densa.datasets.ignoring import without_ignored
from densa.datasets.layouts.layout import Layout
from densa.datasets.legends import choose_encoding, read_legend
from densa.datasets.masks import Encoding, MaskScan
from densa.datasets.opening import laid_out
from densa.datasets.splits.groups import SplitRule, split_samples
from densa.datasets.threads import in_threads
from densa.doctor.checks import CHECKS
from densa.doctor.codings.diagnosis import miscodings
from densa.doctor.codings.recoding import Recoding
from densa.doctor.doubts.label_errors import LabelDoubts
from densa.doctor.doubts.label_files import findings_of_labels
from densa.doctor.finding import Finding, finding, in_order
from densa.doctor.legends import repaired
from densa.doctor.reading import read_pair
from densa.doctor.subject import Record, Subject
from densa.errors import InputError
from densa.legend import IGNORE, Color, Legend
from densa.progress import Progress

__all__ = ["Diagnosis", "examine", "with_labels"]

_EDGES_OF = 200  # pairs whose edges are compared, spread over the data set


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a data set.

    Args:
        data: its folder.
        findings: errors first, then warnings, then notes.
        splits: number of images of each split.
        legend: its classes; None where they could not be told.
        source: where they come from, for people.
        legend_file: a legend that mends a finding; None where none does.
        subject: what was read, for `mend` and the page; None where there is no data set.
        labels: what a model says of the labels; None where none was asked.
    """

    data: Path
    findings: tuple[Finding, ...]
    splits: Mapping[str, int] = field(default_factory=dict)
    legend: Legend | None = None
    source: str = ""
    legend_file: Legend | None = None
    subject: Subject | None = field(default=None, repr=False, compare=False)
    labels: LabelDoubts | None = field(default=None, repr=False, compare=False)

    def count(self, severity: str) -> int:
        """Number of findings of a severity."""
        return Counter(found.severity for found in self.findings)[severity]  # type: ignore[index]

    def to_json(self) -> dict[str, Any]:
        """The diagnosis as a dictionary for JSON."""
        return {
            "data": str(self.data),
            "sound": not (self.count("error") or self.count("warning")),
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "notes": self.count("note"),
            "splits": dict(self.splits),
            "legend": None if self.legend is None else {"source": self.source, **self.legend.to_dict()},
            "findings": [found.to_json() for found in self.findings],
            **({} if self.labels is None else {"labels": self.labels.to_json()}),
        }


def examine(
    data: Path | str,
    *,
    legend: Legend | Path | str | None = None,
    images: Path | str | None = None,
    masks: Path | str | None = None,
    align: bool = False,
    bands: Sequence[int | str] | None = None,
    reading: Mapping[str, Any] | None = None,
    report: Path | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Examine a data set: all that is wrong with it, not the first alone.

    Args:
        data: its folder.
        legend: the legend or its file; None: that of the folder, or inferred.
        images: folder of the images, where it has a name of its own.
        masks: folder of the masks, likewise.
        align: masks are resampled to the grid of their image, so that they may lie on another.
        bands: that are read of every image; None: all.
        reading: how the labels are read, as `densa.datasets.open` takes it.
        report: folder of the report, in which a legend that mends something is written; for the mends.
        progress: called with (pairs read, pairs in total).

    Returns:
        The findings, each with the mend.

    Raises:
        InputError: `data` is not a folder.

    Examples:
        >>> from densa import datasets, doctor
        >>> found = doctor.examine(datasets.coins("coins"))
        >>> found.findings, found.to_json()["sound"]
        ((), True)
    """
    root = Path(data)
    folders = [None if folder is None else Path(folder) for folder in (images, masks)]
    if not root.exists():
        raise InputError(f"data must be a folder of images and masks, got {root}: there is no such folder")
    options = dict(reading or {})
    where = {name: options.pop(name) for name in ("layout", "labels") if name in options}
    try:
        layout, legend, given = laid_out(root, legend, *folders, reading=options, **where)  # type: ignore[arg-type]
    except InputError as error:
        return _diagnosis(root, [finding("layout-unknown", str(error))], report)
    try:
        splits = split_samples(layout.splits, SplitRule(), layout.lists)
    except InputError as error:
        fault = finding("split-invalid", str(error), layout.lists.values())
        splits, faults = {"train": layout.samples}, [fault]
    else:
        faults = []
    own = set(layout.splits) != {""} or bool(layout.lists)
    if own and "train" not in splits:
        faults.append(finding("split-empty", f"there are no training images; the splits: {', '.join(splits)}"))
    wanted = None if bands is None else tuple(bands)
    records = _read(splits, align, wanted, progress)
    subject = _with_legend(Subject(root, layout, records, own_splits=own, align=align), legend, given)
    findings = [*faults, *(found for check in CHECKS for found in check(subject))]
    return _diagnosis(root, findings, report, subject)


def with_labels(found: Diagnosis, doubts: LabelDoubts) -> Diagnosis:
    """The diagnosis with what a model says of the labels."""
    notes = (replace(one, mend=one.mend.replace("DATA", str(found.data))) for one in findings_of_labels(doubts))
    return replace(found, findings=in_order([*found.findings, *notes]), labels=doubts)


def _diagnosis(
    root: Path, findings: Sequence[Finding], report: Path | None, subject: Subject | None = None
) -> Diagnosis:
    written = f"--legend {(report or Path('REPORT')) / 'legend.json'}"
    written += "" if report else f" (written by densa doctor {root} -o REPORT)"
    placed = [
        replace(found, mend=found.mend.replace("LEGEND", written).replace("DATA", str(root))) for found in findings
    ]
    if subject is None:
        return Diagnosis(root, in_order(placed))
    counts = Counter(record.split for record in subject.records)
    file = next((one.legend_file for one in subject.miscodings if one.legend_file is not None), None)
    if subject.legend_fault and subject.legend_file is not None:
        file = repaired(subject.legend_file) or file
    legend = subject.legend or (subject.recoding.legend if subject.recoding else None)
    return Diagnosis(root, in_order(placed), dict(counts), legend, subject.source, file, subject)


def _read(
    splits: Mapping[str, Sequence[Sample]],
    align: bool,
    bands: tuple[int | str, ...] | None,
    progress: Progress | None,
) -> tuple[Record, ...]:
    """The records of all pairs, each file read once."""
    anything = Legend(("anything",))
    opened = {name: Dataset(tuple(own), anything, align=align, bands=bands) for name, own in splits.items()}
    places = [(name, i) for name, dataset in opened.items() for i in range(len(dataset))]
    step = max(1, -(-len(places) // _EDGES_OF))

    def read(numbered: tuple[int, tuple[str, int]]) -> Record:
        k, (name, i) = numbered
        return read_pair(name, opened[name], i, compare_edges=k % step == 0)

    records = []
    for n, record in enumerate(in_threads(read, list(enumerate(places))), 1):
        records.append(record)
        if progress:
            progress(n, len(places))
    return tuple(records)


def _with_legend(subject: Subject, given: Legend | Path | str | None, reading: MaskReading) -> Subject:
    """The subject with its legend, with why densa refuses to open it, and with what is wrong with its codings."""
    layout, scans = subject.layout, subject.scans
    file = None if isinstance(given, Legend) else Path(given) if given is not None else layout.legend
    legend: Legend | None
    encoding: Encoding | None
    fault = ""
    if file is not None:
        try:
            read_legend(file)
        except InputError as error:
            fault, given = str(error), repaired(file)
            layout = replace(layout, legend=None)
    try:
        legend, encoding, source = choose_legend(layout, scans, given, **reading)
        refusal = ""
    except InputError as error:
        refusal, source = str(error), ""
        legend, encoding = _stated(layout, scans, given, reading)
    pieces = {record.sample.mask: record.pieces for record in subject.records if record.pieces is not None}
    inferred = file is None and source.startswith("inferred")
    found, recoding = miscodings(scans, legend, encoding, pieces, refusal, inferred=inferred)  # type: ignore[arg-type]
    recoding = _with_background(scans, legend, recoding) if inferred else recoding
    return replace(
        subject,
        legend=legend,
        encoding=encoding or "values",
        source=source,
        legend_file=file,
        refusal=refusal,
        ignore=tuple(reading.get("ignore", ())),
        legend_fault=fault,
        miscodings=tuple(found),
        recoding=recoding,
    )


def _with_background(scans: Sequence[MaskScan], legend: Legend | None, recoding: Recoding | None) -> Recoding | None:
    """The reading of masks whose only other value, 0, is declared as nodata: it is the background."""
    if recoding is None or legend is None or legend.n_classes > 1 or recoding.by_color:
        return recoding
    if not any(0 in scan.missing for scan in scans):
        return recoding
    made = Legend(("background", *legend.class_names))
    table: dict[int | Color, int] = {0: 0, legend.codes[0]: 1}
    table |= {code: IGNORE for code in legend.ignored_codes if code}
    return Recoding(made, table)


def _stated(
    layout: Layout, scans: Sequence[MaskScan], given: Legend | Path | str | None, reading: MaskReading
) -> tuple[Legend | None, Encoding | None]:
    """The legend of a data set that densa refuses to open, and how its masks would be read by it."""
    try:
        legend = stated_legend(layout, given, classes=reading.get("classes"), mask_offset=reading.get("mask_offset", 0))
        if legend is None:
            return None, None
        encoding = choose_encoding(scans, legend)
        ignore = tuple(reading.get("ignore", ()))
        return without_ignored(legend, encoding, ignore) if ignore else legend, encoding
    except InputError:
        return None, None
