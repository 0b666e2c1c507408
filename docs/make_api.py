"""Writes the pages of the Python interface from the `__all__` of the packages; called when the documentation is built."""

import ast
import importlib
import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin


class Page(NamedTuple):
    """A page of the reference: the public names of one package, or of modules that belong together."""

    file: str
    modules: tuple[str, ...]
    about: str


class Entry(NamedTuple):
    """A public name on a page."""

    name: str
    path: str  # where it is described: another module's for names that `densa` takes from there
    kind: str  # "class", "function", "data" or "module"
    summary: str
    value: str = ""  # of a constant, where it can be shown


PAGES = (
    Page("densa", ("densa",), "Verbs for whole tasks: train, predict, segment, evaluate, compare."),
    Page("raster", ("densa.raster",), "Images, label maps and polygons: read, write, cut into tiles."),
    Page("regions", ("densa.regions",), "Partitions of an image without training, region graphs, checks."),
    Page("descriptors", ("densa.descriptors",), "Features of pixels and of regions."),
    Page("crf", ("densa.crf",), "Refinement of class probabilities by conditional random fields."),
    Page("operators", ("densa.operators",), "Convolution, pooling, upsampling, and receptive fields of networks."),
    Page("metrics", ("densa.metrics",), "Scores of label maps, boundaries and partitions."),
    Page(
        "metrics.intervals", ("densa.metrics.intervals",), "Intervals of scores, differences of runs, learning curves."
    ),
    Page(
        "datasets",
        ("densa.datasets", "densa.datasets.leaks", "densa.datasets.strokes", "densa.datasets.synthetic"),
        "Data sets, strokes, splits and sampling.",
    ),
    Page("accuracy", ("densa.accuracy",), "Accuracy of maps and areas of their classes, from a sample."),
    Page("doctor", ("densa.doctor",), "What is wrong with a data set, and how to mend it."),
    Page("networks", ("densa.networks",), "The networks of the papers, and how to build them by name."),
    Page("shallow", ("densa.shallow",), "Forests and boosted trees on descriptors."),
    Page("segmenter", ("densa.segmenter",), "Trained models that give class probabilities, and their files."),
    Page("engine", ("densa.engine",), "Prediction of images of any size."),
    Page("engine.regions", ("densa.engine.regions",), "Region methods on rasters of any size."),
    Page("training", ("densa.training",), "Training of networks."),
    Page("reports", ("densa.reports",), "Evaluation of maps, comparison of methods, costs, HTML pages."),
    Page("pages", ("densa.pages",), "Reports on the accuracy of maps, model cards."),
    Page("methods", ("densa.methods",), "All methods by name, and trained models from their folders."),
    Page("legend", ("densa.legend",), "Names, colours and file encoding of classes."),
    Page("errors", ("densa.errors",), "The exception for invalid input."),
)
GROUPS = (("class", "Classes"), ("function", "Functions"), ("data", "Constants and types"), ("module", "Packages"))
DIRECTIVES = {
    "class": (".. autoclass:: {path}", "   :members:"),
    "function": (".. autofunction:: {path}",),
    "data": (".. py:data:: {path}", "", "   {summary} {value}"),
}
ROLES = {"class": "class", "function": "func", "data": "data", "module": "doc"}


def entries(module_name: str) -> list[Entry]:
    """The public names of a module, in the order of `__all__`."""
    module = importlib.import_module(module_name)
    homes = _homes()
    found = []
    for name in module.__all__:
        value = getattr(module, name)
        path = homes.get(id(value), f"{module_name}.{name}")
        kind = _kind(value)
        if kind == "data":
            found.append(Entry(name, path, kind, _strings_below(module_name).get(name, ""), _shown(value)))
        else:
            found.append(Entry(name, path, kind, _summary(value)))
    return found


def page(content: Page) -> str:
    """A page, in reStructuredText: a table of each group of names, then their entries."""
    title = content.modules[0]
    parts = [title, "=" * len(title), "", content.about, ""]
    for module_name in content.modules:
        names = entries(module_name)
        if len(content.modules) > 1:
            parts += [module_name, "-" * len(module_name), ""]
        underline = "^" if len(content.modules) > 1 else "-"
        parts += [f".. module:: {module_name}", "", *_overview(names, underline)]
        parts += ["Reference", underline * len("Reference"), ""]
        for entry in names:
            if entry.path == f"{module_name}.{entry.name}":
                parts += _described(entry)
    return "\n".join(parts)


def index() -> str:
    """The landing page."""
    rows = ((f":doc:`{content.modules[0]} <{content.file}>`", content.about) for content in PAGES)
    return "\n".join(
        [
            "Python interface",
            "================",
            "",
            "Every public name of every package; what is not listed here may change without notice. Labels are arrays",
            "``(row, column)``; the pages say whether bands come first or last. Invalid input raises",
            ":class:`densa.errors.InputError`. The options of the verbs have :doc:`a page of their own <../options>`.",
            "",
            *_table(rows),
            ".. toctree::",
            "   :hidden:",
            "",
            *(f"   {content.modules[0]} <{content.file}>" for content in PAGES),
            "",
        ]
    )


def files() -> dict[str, str]:
    """Text of every page by its file name."""
    return {"index.rst": index()} | {f"{content.file}.rst": page(content) for content in PAGES}


def write() -> None:
    """Write the pages to `api` beside this file; pages that are no longer made are removed, others kept as they are."""
    folder = Path(__file__).with_name("api")
    folder.mkdir(exist_ok=True)
    texts = files()
    for old in folder.glob("*.rst"):
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


@cache
def _homes() -> dict[int, str]:
    """Where the functions and classes of the packages are described, by their identity."""
    homes = {}
    for module_name in (name for content in PAGES for name in content.modules if name != "densa"):
        module = importlib.import_module(module_name)
        values = ((name, getattr(module, name)) for name in module.__all__)
        homes |= {
            id(value): f"{module_name}.{name}"
            for name, value in values
            if _kind(value) in ("class", "function") and not _is_taken(value, module_name)
        }
    return homes


def _is_taken(value: object, module_name: str) -> bool:
    """Whether a package takes a name from another one that has a page of its own."""
    defined = getattr(value, "__module__", "")
    others = {name for content in PAGES for name in content.modules} - {"densa", module_name}
    inside = [name for name in others if defined == name or defined.startswith(f"{name}.")]
    return any(len(name) > len(module_name) or not defined.startswith(f"{module_name}.") for name in inside)


def _kind(value: object) -> str:
    if inspect.ismodule(value):
        return "module"
    if inspect.isclass(value):
        return "class"
    return "function" if inspect.isroutine(value) else "data"


def _summary(value: object) -> str:
    """First paragraph of a docstring, as one line."""
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


def _shown(value: object) -> str:
    """A constant in words."""
    if isinstance(value, Mapping):
        return "Keys: " + ", ".join(f"``{key}``" for key in value) + "."
    if get_origin(value) is Literal:
        return "One of " + ", ".join(f"``{choice!r}``" for choice in get_args(value)) + "."
    return f"``{value!r}``" if len(repr(value)) <= 200 else ""


@cache
def _strings_below(module_name: str) -> dict[str, str]:
    """Strings below assignments in a module, or in the modules of a package, by the assigned name."""
    source = Path(importlib.import_module(module_name).__file__)
    found = {}
    for path in sorted(source.parent.rglob("*.py")) if source.name == "__init__.py" else [source]:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, below in pairwise(body):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            text = below.value if isinstance(below, ast.Expr) else None
            if isinstance(target, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[target.id] = " ".join(text.value.split())
    return found


def _overview(names: list[Entry], underline: str) -> list[str]:
    parts = []
    for kind, title in GROUPS:
        group = [entry for entry in names if entry.kind == kind]
        if group:
            parts += [
                title,
                underline * len(title),
                "",
                *_table((_link(entry), entry.summary or entry.value) for entry in group),
            ]
    return parts


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    parts = [".. list-table::", "   :widths: 35 65", "   :class: names", ""]
    for left, right in rows:
        parts += [f"   * - {left}", f"     - {right}".rstrip()]
    return [*parts, ""]


def _link(entry: Entry) -> str:
    target = entry.name if entry.kind == "module" else entry.path
    return f":{ROLES[entry.kind]}:`{entry.name} <{target}>`"


def _described(entry: Entry) -> list[str]:
    if entry.kind == "module":
        return []
    return [
        *(line.format(path=entry.path, summary=entry.summary, value=entry.value) for line in DIRECTIVES[entry.kind]),
        "",
    ]


if __name__ == "__main__":
    write()
