"""A model card: what the files of a run say, in order; nothing is claimed that no file says."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from densa.errors import InputError, one_line
from densa.methods import describe_run
from densa.options import options_of

__all__ = ["ModelCard", "Section", "model_card"]

_LARGEST = 64 << 20  # bytes of a file of numbers
_FEW_UNITS = 10
_FEW_PIXELS = 1000
_FEW_IMAGES = 10
_SPLITS = {"train": "training", "val": "validation", "test": "test"}
_SCORES = {
    "mean_iou": "mean IoU",
    "global_accuracy": "global accuracy",
    "class_average": "class average",
    "boundary_f1": "boundary F1",
    "frequency_weighted_iou": "frequency-weighted IoU",
    "kappa": "Cohen's kappa",
    "quantity_disagreement": "quantity disagreement",
    "allocation_disagreement": "allocation disagreement",
}
_CALIBRATION = {
    "ece": "expected calibration error",
    "class_wise_ece": "class-wise calibration error",
    "brier": "Brier score",
    "nll": "negative log likelihood",
    "aurc": "area under the risk-coverage curve",
}


@dataclass(frozen=True)
class Section:
    """A part of a card.

    Attributes:
        title: heading.
        lines: sentences.
        header: names of the columns of a table; empty: there is none.
        rows: cells of the table, texts.

    Examples:
        >>> from densa import pages
        >>> pages.Section("Limits", lines=("trained on 3 images",)).rows
        ()
    """

    title: str
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=())


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model.

    Attributes:
        title: name of the run's folder.
        sections: in order.

    Examples:
        >>> from densa import pages
        >>> print(pages.ModelCard("roads", (pages.Section("Limits", ("trained on 3 images",)),)).to_markdown())
        # Model card: roads
        <BLANKLINE>
        ## Limits
        <BLANKLINE>
        * trained on 3 images
        <BLANKLINE>
    """

    title: str
    sections: tuple[Section, ...]

    def to_markdown(self) -> str:
        """The card as Markdown; names from files are escaped."""
        from densa.pages.card_files import markdown

        return markdown(self)

    def to_json(self) -> dict[str, Any]:
        """The card for programs: lines and rows of each section by its title."""
        return {
            "title": self.title,
            "sections": [
                {
                    "title": one.title,
                    "lines": list(one.lines),
                    "rows": [dict(zip(one.header, row, strict=True)) for row in one.rows],
                }
                for one in self.sections
            ],
        }


def model_card(run: Path | str, evaluation: Path | str | None = None) -> ModelCard:
    """Read what a run says of itself: its model, data, split, training, scores and calibration.

    Args:
        run: a run or model folder.
        evaluation: `metrics.json` of `densa evaluate RUN DATA -o REPORT`, or its folder; None: the newest in the run
            and in the folders in it.

    Raises:
        InputError: no model in the folder; a file that is damaged, too large, or of another model.

    Examples:
        >>> from densa import Legend, networks, pages, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> card = pages.model_card("model")
        >>> [section.title for section in card.sections]
        ['Model', 'Data and split', 'Input', 'Training', 'Scores', 'Calibration', 'Limits', 'Cost', 'Files']
    """
    run = Path(run)
    if not (run / "model.json").is_file():
        raise InputError(f"{run} must be a run or model folder with a model.json, but has none; train it first")
    about = describe_run(run)
    config = _yaml(run / "config.yaml")
    split = _json(run / "split.json")
    numbers = _evaluation(run, evaluation, about["classes"])
    scores = None if numbers is None else _json(numbers)
    sections = (
        _model(about),
        _data(config, split),
        _input(about),
        _training(about, config),
        _scores(scores, numbers),
        _calibration(about, scores),
        Section("Limits", tuple(_limits(about, split, scores))),
        _cost(about),
        _files(run, numbers),
    )
    return ModelCard(run.resolve().name, sections)


def _model(about: Mapping[str, Any]) -> Section:
    architecture = dict(about.get("architecture") or {})
    name = str(architecture.pop("name", "ensemble"))
    arguments = architecture.pop("arguments", None) or architecture
    lines = [f"{name} ({about['source']})" if about.get("source") else name]
    if arguments:
        lines.append("settings: " + ", ".join(f"{key} {_text(value)}" for key, value in arguments.items()))
    names = about["classes"]
    lines.append(f"{len(names)} classes: {', '.join(map(str, names))}")
    return Section("Model", tuple(lines))


def _data(config: Mapping[str, Any] | None, split: Mapping[str, Any] | None) -> Section:
    lines = []
    if config is not None and config.get("data") is not None:
        lines.append(f"data set: {config['data']}")
    if split is None:
        return Section("Data and split", (*lines, "no split.json: which images the model saw is not recorded"))
    rows = []
    for name, words in _SPLITS.items():
        entries = [entry for entry in split.get(name) or () if isinstance(entry, dict)]
        if entries:
            pixels = sum(_area(entry) for entry in entries)
            images = {(str(entry.get("image")), entry.get("page")) for entry in entries}
            rows.append((words, str(len(images)), str(len(entries)), _text(pixels), _digest(entries)))
    if split.get("shared_pixels") is not None:
        lines.append(f"pixels shared by two splits: {_text(split['shared_pixels'])}")
    if split.get("distance_px") is not None:
        lines.append(f"smallest distance of two splits on one image: {_text(split['distance_px'])} pixels")
    header = ("split", "images", "windows", "pixels", "digest of the pixels")
    return Section("Data and split", tuple(lines), header, tuple(rows))


def _area(entry: Mapping[str, Any]) -> int:
    window = entry.get("window")
    try:
        return int(window[2]) * int(window[3]) if isinstance(window, list) and len(window) == 4 else 0
    except (TypeError, ValueError):
        return 0


def _digest(entries: Sequence[Mapping[str, Any]]) -> str:
    """The first digits of a digest over the digests of the images, in any order."""
    known = sorted(f"{entry.get('pixels')} {entry.get('window')}" for entry in entries)
    if any(entry.get("pixels") is None for entry in entries):
        return "not known"
    return hashlib.sha256("\n".join(known).encode("utf-8", "replace")).hexdigest()[:16]


def _input(about: Mapping[str, Any]) -> Section:
    bands = about["input"]
    lines = [f"{bands['n_bands']} band{'s' * (bands['n_bands'] != 1)} of {bands.get('dtype') or 'any type'}"]
    if about.get("stride"):
        lines.append(f"halo {about.get('halo')} pixels, stride {about['stride']} pixels")
    rows = []
    for k in range(int(bands["n_bands"])):

        def cell(name: str, k: int = k) -> str:
            values = bands.get(name) or ()
            return _text(values[k]) if k < len(values) and values[k] not in (None, "") else ""

        rows.append((str(k + 1), cell("names"), cell("mean"), cell("std"), cell("colors"), cell("wavelengths")))
    header = ("band", "name", "mean", "standard deviation", "colour", "wavelength (nm)")
    used = [i for i in range(len(header)) if i < 2 or any(row[i] for row in rows)]
    return Section(
        "Input", tuple(lines), tuple(header[i] for i in used), tuple(tuple(row[i] for i in used) for row in rows)
    )


def _training(about: Mapping[str, Any], config: Mapping[str, Any] | None) -> Section:
    record = dict(about.get("training") or {})
    lines = [
        f"{name.replace('_', ' ')}: {_text(value)}"
        for name, value in record.items()
        if not isinstance(value, (dict, list)) and value is not None
    ]
    arguments = _mapping(record.get("arguments"))
    lines += [f"{name.replace('_', ' ')}: {_text(value)}" for name, value in arguments.items() if value is not None]
    if config is None:
        return Section("Training", (*lines, "no config.yaml: the settings are not recorded"))
    from densa.training.settings import TrainOptions

    rows = []
    known = options_of(TrainOptions)
    for name, value in config.items():
        default = known[name].default if name in known else None
        default = list(default) if isinstance(default, tuple) else default
        if name != "data" and name in known and value != default:
            rows.append((name, _text(value), known[name].default_words or "none"))
    lines.append("settings that differ from the defaults; config.yaml has all" if rows else "all settings by default")
    return Section("Training", tuple(lines), ("setting", "value", "default") if rows else (), tuple(rows))


def _scores(scores: Mapping[str, Any] | None, source: Path | None) -> Section:
    if scores is None:
        return Section("Scores", ("not measured: densa evaluate RUN DATA -o RUN/report, then write the card again",))
    intervals = _mapping(scores.get("intervals"))
    measured = _mapping(scores.get("measured_on"))
    lines = (
        [f"measured on {measured['text']}"] if "text" in measured else ["what they were measured on is not recorded"]
    )
    unit = _mapping(intervals.get("unit"))
    if intervals:
        lines.append(f"95 % intervals over {unit.get('text', 'units that are not recorded')}")
        lines += [str(line) for line in intervals.get("warnings") or ()]
    else:
        lines.append("without intervals")
    rules = _mapping(scores.get("rules"))
    lines.append("rules: " + ", ".join(f"{name} {_text(rules[name])}" for name in ("void", "absent") if name in rules))
    rows = [
        (words, _score(scores.get(name)), _interval(intervals.get(name)))
        for name, words in _SCORES.items()
        if name in scores
    ]
    per_class = intervals.get("classes") or ()
    for k, (entry, pixels) in enumerate(zip(scores.get("classes") or (), _pixels(scores), strict=False)):
        own = _mapping(per_class[k]) if k < len(per_class) else {}
        for name, words in (("iou", "IoU"), ("accuracy", "recall")):
            what = f"{words} of {entry.get('name')} ({_text(pixels)} pixels)"
            rows.append((what, _score(entry.get(name)), _interval(own.get(name))))
    return Section("Scores", tuple(lines), ("score", "value", "95 % interval"), tuple(rows))


def _calibration(about: Mapping[str, Any], scores: Mapping[str, Any] | None) -> Section:
    stored = about.get("calibration")
    lines = [f"probabilities are scaled: {stored}" if stored else "probabilities are not scaled (densa calibrate)"]
    found = _mapping((scores or {}).get("calibration"))
    if not found:
        return Section("Calibration", (*lines, "not measured"))
    rows = tuple((words, _score(found[name])) for name, words in _CALIBRATION.items() if name in found)
    return Section("Calibration", tuple(lines), ("measure", "value"), rows)


def _limits(about: Mapping[str, Any], split: Mapping[str, Any] | None, scores: Mapping[str, Any] | None) -> list[str]:
    """What follows from the files, a sentence each."""
    said = []
    field_of_view = about.get("receptive_field")
    if isinstance(field_of_view, (int, float)):
        said.append(f"a label depends on {field_of_view} x {field_of_view} pixels at most; what needs more is not seen")
    elif about.get("halo") is not None:
        said.append(f"a label depends on pixels up to {about['halo']} away")
    said.append("images need the bands and the type above; the size of a pixel on the ground is not recorded")
    train = (split or {}).get("train") or ()
    n_images = len({(str(e.get("image")), e.get("page")) for e in train if isinstance(e, dict)})
    if split is not None and n_images < _FEW_IMAGES:
        said.append(f"trained on {n_images} image{'s' * (n_images != 1)} only")
    if split is not None and not (split.get("val") or split.get("test")):
        said.append("no image was held out of training")
    if split is not None and split.get("shared_pixels"):
        said.append(f"{_text(split['shared_pixels'])} pixels are in two splits: scores on them mislead")
    return [*said, *_limits_of_scores(scores)]


def _limits_of_scores(scores: Mapping[str, Any] | None) -> list[str]:
    if scores is None:
        return ["nothing is known of the quality of the labels: no evaluation"]
    said = []
    measured = _mapping(scores.get("measured_on"))
    if measured.get("trained_on"):
        said.append("the scores are of images that the model was trained on")
    elif measured.get("trained_on", None) is None:
        said.append("whether the scores are of images that the model was trained on is not known")
    intervals = _mapping(scores.get("intervals"))
    unit = _mapping(intervals.get("unit"))
    number = unit.get("number")
    if isinstance(number, int) and number < _FEW_UNITS:
        said.append(f"the scores are of {number} independent unit{'s' * (number != 1)} only")
    per_class = intervals.get("classes") or ()
    for k, (entry, pixels) in enumerate(zip(scores.get("classes") or (), _pixels(scores), strict=False)):
        name = entry.get("name")
        if not pixels:
            said.append(f"{name}: no labelled pixel in the evaluation, its quality is not known")
            continue
        own = _mapping(per_class[k]) if k < len(per_class) else {}
        units = _mapping(own.get("accuracy")).get("units")
        if isinstance(units, int) and units < _FEW_UNITS:
            said.append(f"{name}: measured in {units} unit{'s' * (units != 1)} only")
        elif pixels < _FEW_PIXELS:
            said.append(f"{name}: measured on {pixels} pixel{'s' * (pixels != 1)} only")
    return said


def _cost(about: Mapping[str, Any]) -> Section:
    seconds = _mapping(about.get("training")).get("seconds")
    facts = (
        ("parameters", about.get("parameters")),
        ("size of the model (MB)", about.get("model_megabytes")),
        ("training (seconds)", seconds),
    )
    return Section("Cost", (), ("what", "value"), tuple((name, _text(v)) for name, v in facts if v is not None))


def _files(run: Path, numbers: Path | None) -> Section:
    names = ("model.json", "model.safetensors", "config.yaml", "split.json", "metrics.csv")
    paths = [run / name for name in names if (run / name).is_file()] + ([] if numbers is None else [numbers])
    rows = []
    for path in paths:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while part := file.read(1 << 20):
                    digest.update(part)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        shown = path.relative_to(run).as_posix() if path.is_relative_to(run) else str(path)
        rows.append((shown, _text(path.stat().st_size), digest.hexdigest()))
    return Section("Files", ("what this card was read from",), ("file", "bytes", "SHA-256"), tuple(rows))


def _evaluation(run: Path, given: Path | str | None, classes: Sequence[str]) -> Path | None:
    """The `metrics.json` of the scores; None where there is none."""
    if given is not None:
        path = Path(given) / "metrics.json" if Path(given).is_dir() else Path(given)
        if not path.is_file():
            raise InputError(f"evaluation must be a metrics.json or the folder of one, got {given}")
        if problem := _foreign(path, classes):
            raise InputError(problem)
        return path
    found = [path for path in (*run.glob("metrics.json"), *run.glob("*/metrics.json")) if not _foreign(path, classes)]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, str(path)), default=None)


def _foreign(path: Path, classes: Sequence[str]) -> str:
    """Why a `metrics.json` is not of this model; empty where it may be."""
    content = _json(path) or {}
    entries = content.get("classes")
    if "confusion_matrix" not in content or not isinstance(entries, list):
        return f"{path} is not of densa evaluate RUN DATA"
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    if names != list(classes):
        return f"{path} is of the classes {', '.join(map(str, names))}, the model has {', '.join(map(str, classes))}"
    return ""


def _json(path: Path) -> dict[str, Any] | None:
    text = _contents(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold an object of JSON, got {type(content).__name__}")
    return content


def _yaml(path: Path) -> dict[str, Any] | None:
    text = _contents(path)
    if text is None:
        return None
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold `option: value` lines, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


def _contents(path: Path) -> str | None:
    """The text of a file; None where there is none."""
    if not path.is_file():
        return None
    try:
        if (size := path.stat().st_size) > _LARGEST:
            raise InputError(f"{path} has {size} bytes, at most {_LARGEST} are read")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _pixels(scores: Mapping[str, Any]) -> list[int]:
    """Labelled pixels of each class: rows of the matrix, and those for which nothing was predicted."""
    matrix = scores.get("confusion_matrix") or ()
    none = _mapping(scores.get("rules")).get("no_class_predicted_pixels") or [0] * len(matrix)
    try:
        return [int(sum(row)) + int(rest) for row, rest in zip(matrix, none, strict=False)]
    except (TypeError, ValueError) as error:
        raise InputError(f"confusion_matrix of an evaluation must hold numbers: {one_line(error)}") from error


def _score(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, (int, float)) and math.isfinite(value) else "undefined"


def _interval(found: Any) -> str:
    """The BCa interval, or else the percentile one."""
    ends = _mapping(found).get("bca") or _mapping(found).get("percentile")
    if not isinstance(ends, list) or len(ends) != 2 or not all(isinstance(end, (int, float)) for end in ends):
        return "none"
    return f"{ends[0]:.4f} to {ends[1]:.4f}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ") if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    return "none" if value is None else str(value)
