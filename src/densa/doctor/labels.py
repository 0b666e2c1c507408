"""Labels: codings that are read wrongly, nodata, copies, classes that are rare or absent, pixels without a label."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from densa.datasets.masks import MaskScan
from densa.datasets.wording import counted
from densa.doctor.codes import FIX
from densa.doctor.finding import Finding, finding
from densa.doctor.subject import ImageFacts, Record, Subject
from densa.legend import IGNORE, Color

__all__ = ["check_classes", "check_codings", "check_copies", "class_pixels"]

_GAP = 0.02  # share of valid pixels that a mask declares as nodata
_RARE = 5e-4  # share of the labelled pixels, of a class that is rare
_FEW_PIXELS = 400
_FEWEST_LINES = 8  # different rows and columns of a mask that two images hardly have in common
_IGNORED = 0.8  # share of pixels without a label


def check_codings(subject: Subject) -> Iterator[Finding]:
    """Values and colours that are not read as they were meant, and pixels that masks declare as nodata."""
    for one in subject.miscodings:
        yield finding(one.code, one.sentence, one.files, mend=one.mend, **one.details)
    yield from _nodata(subject)


def _nodata(subject: Subject) -> Iterator[Finding]:
    legend = subject.legend
    if legend is None or subject.encoding == "instances":
        return
    known = {*legend.codes, *legend.ignored_codes} | {*legend.colors, *legend.ignored_colors}
    lost: dict[int | Color, list[Record]] = defaultdict(list)
    for record in subject.records:
        if isinstance(record.mask, MaskScan) and record.overlay is not None and record.overlay.gap > _GAP:
            for code in record.mask.missing:
                if code not in known:
                    lost[code].append(record)
    for code, records in lost.items():
        shown = code if isinstance(code, int) else "#{:02X}{:02X}{:02X}".format(*code)
        share = float(np.mean([record.overlay.gap for record in records if record.overlay is not None]))
        sentence = (
            f"{counted(len(records), 'mask')} with {shown} declared as nodata, in {share:.0%} of their pixels where "
            "the image is valid: these are read as not labelled"
        )
        mend = f"if {shown} is a class (background), name it in legend.json; otherwise --ignore {shown}, or {FIX}"
        yield finding(
            "nodata-in-mask", sentence, [record.sample.mask for record in records if record.sample.mask], mend=mend
        )


def check_copies(subject: Subject) -> Iterator[Finding]:
    """The same mask for several images."""
    drawn = [record for record in subject.records if record.is_readable and record.mask_digest]
    groups: dict[bytes, list[Record]] = defaultdict(list)
    for record in drawn:
        assert isinstance(record.mask, MaskScan)
        if len(record.mask.counts) > 1:
            groups[record.mask_digest].append(record)
    copied = []
    for records in groups.values():
        digests = {record.image.digest for record in records if isinstance(record.image, ImageFacts)}
        if len(digests) < 2:
            continue
        if len(records) == len(drawn) >= 3:
            sentence = f"all {len(records)} masks are equal, their images are not"
            yield finding("masks-equal", sentence, [r.sample.mask for r in records if r.sample.mask])
            return
        if records[0].n_lines >= _FEWEST_LINES:
            copied.append(records)
    if copied:
        files = [record.sample.mask for records in copied for record in records if record.sample.mask]
        sentence = (
            f"{len(files)} masks are equal to that of another image; first: "
            f"{' and '.join(path.name for path in files[:2])}"
        )
        yield finding("mask-copied", sentence, files)


def class_pixels(record: Record, subject: Subject) -> NDArray[np.int64] | None:
    """Pixels of each class in a mask, and of those without a label at the end; None where that cannot be told."""
    if subject.recoding is None or not isinstance(record.mask, MaskScan):
        return None
    if record.sample.drawn is not None:
        drawn = np.zeros(subject.recoding.legend.n_classes + 1, np.int64)
        for label, pixels in record.mask.counts:
            drawn[-1 if label == IGNORE else label] += pixels
        return drawn
    if record.overlay is not None and record.overlay.is_copy:
        return None
    scan, recoding = record.mask, subject.recoding
    n = np.zeros(recoding.legend.n_classes + 1, np.int64)
    shown, gone = dict(scan.palette), set(scan.missing)
    for code, pixels in scan.counts:
        if subject.encoding == "instances":
            label = 0 if code == 0 else 1
        else:
            if recoding.by_color and isinstance(code, int):
                code = shown.get(code, (code, code, code))
            elif not recoding.by_color and isinstance(code, tuple):
                code = code[0]
            label = IGNORE if code in gone and code not in recoding.table else recoding.label(scan.path, code)
        n[-1 if label == IGNORE else label] += pixels
    n[-1] += max(0, scan.n_pixels - int(n.sum()))  # hidden by alpha
    return n


def check_classes(subject: Subject) -> Iterator[Finding]:
    """Classes that are rare or absent in a split, a single class, masks and pixels without a label."""
    if subject.recoding is None:
        return
    names = subject.recoding.legend.class_names
    counts = [(record, n) for record in subject.records if (n := class_pixels(record, subject)) is not None]
    if not counts:
        return
    total = np.sum([n for _, n in counts], axis=0)
    empty = [record.sample.mask for record, n in counts if not n[:-1].any() and record.sample.mask]
    if empty:
        sentence = f"{counted(len(empty), 'mask')} of {len(counts)} without a labelled pixel"
        yield finding("nothing-labelled", sentence, empty)
    if not total[:-1].any():
        return
    share = total[-1] / total.sum()
    if share > _IGNORED:
        files = [record.sample.mask for record, n in counts if n[-1] > _IGNORED * n.sum() and record.sample.mask]
        yield finding("ignored-share", f"{share:.1%} of all pixels have no label", files, share=float(share))
    present = np.flatnonzero(total[:-1])
    if len(present) == 1:
        yield finding("one-class", f"all labelled pixels are of one class, {names[present[0]]}")
        return
    yield from _absent(subject, counts, total)


def _absent(
    subject: Subject, counts: list[tuple[Record, NDArray[np.int64]]], total: NDArray[np.int64]
) -> Iterator[Finding]:
    assert subject.recoding is not None
    names = subject.recoding.legend.class_names
    nowhere = [name for name, n in zip(names, total[:-1], strict=True) if not n]
    if nowhere:
        known = subject.legend_file is not None
        sentence = f"no mask has the class{'es' * (len(nowhere) > 1)} {', '.join(nowhere[:10])} of the legend"
        yield finding(
            "class-absent",
            sentence,
            severity=None if known else "note",
            mend="label some pixels of it, or take it out of the legend",
            classes=nowhere,
        )
    splits: dict[str, NDArray[np.int64]] = {}
    for record, n in counts:
        splits[record.split] = splits.get(record.split, 0) + n
    for split, n in splits.items():
        lacking = [names[k] for k in np.flatnonzero((n[:-1] == 0) & (total[:-1] > 0))]
        if not lacking:
            continue
        sentence = f"the split {split} has no pixel of {', '.join(lacking[:10])}, which others have"
        yield finding(
            "class-absent", sentence, severity=None if subject.own_splits else "note", split=split, classes=lacking
        )
    train = splits.get("train", total)
    labelled = int(train[:-1].sum())
    rare = [k for k in np.flatnonzero(train[:-1]) if train[k] < _RARE * labelled]
    n_files = Counter(int(k) for record, n in counts if record.split == "train" for k in np.flatnonzero(n[:-1]))
    for k in rare:
        few = train[k] < _FEW_PIXELS or n_files[int(k)] <= 2
        sentence = f"the class {names[k]} has {train[k]} pixels in training, {train[k] / labelled:.3%} of the labelled"
        yield finding("class-rare", sentence, severity=None if few else "note", pixels=int(train[k]))
