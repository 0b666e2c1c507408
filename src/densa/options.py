"""Options, declared once for the command line, config.yaml, Python keywords, `densa info` and the reference.

An option is a field of a frozen dataclass, its group; the annotation carries range, unit and one line of help:

    @dataclass(frozen=True)
    class Optimisation(Group, title="Optimiser"):
        learning_rate: Annotated[float, Gt(0), Option("Base learning rate.")] = 2e-3

A group checks its values when it is made: by the command line, from a config.yaml or by a Python caller. Settings are a
frozen dataclass whose fields are groups; no two of their options share a name, and outside they are flat: `flat` and
`settings_of` convert. This module imports neither numpy nor torch, so that `densa VERB --help` stays quick.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import annotated_types

from densa.errors import InputError

__all__ = [
    "Declared",
    "Group",
    "Option",
    "flat",
    "groups_of",
    "options_of",
    "reference",
    "settings_of",
    "unknown_names",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """What is said of an option beside its type, range and default.

    Args:
        help: one line; a sentence.
        unit: of a number: "px", "m", "bytes", "min".
        metavar: placeholder of the value on the command line; None: its choices or its type.
        default: words for a default that is a rule (the value is then None), such as "a tenth of the run".
        read: converts what a command line or a YAML file holds ("360x480") to the value; raises ValueError, whose
            message follows the option's name ("must be ...").
        exists: a path that must be there.
        negatable: a truth value has `--no-NAME` too; None: where it is not False by default.
    """

    help: str
    unit: str = ""
    metavar: str | None = None
    default: str = ""
    read: Callable[[Any], Any] | None = None
    exists: bool = False
    negatable: bool | None = None


@dataclass(frozen=True)
class Declared:
    """One option as it was declared.

    Attributes:
        name: of the field.
        kind: its type.
        limits: `annotated_types` constraints.
        option: help, unit and so on.
        default: value; `dataclasses.MISSING` where there is none.
        title: of its group.
    """

    name: str
    kind: Any
    limits: tuple[Any, ...]
    option: Option
    default: Any
    title: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that a word may have; empty where any will do."""
        kinds = (self.kind, *typing.get_args(self.kind))
        return next((typing.get_args(kind) for kind in kinds if typing.get_origin(kind) is Literal), ())

    @property
    def is_flag(self) -> bool:
        """Whether the value is true or false (or None)."""
        return bool in (self.kind, *typing.get_args(self.kind)) and int not in typing.get_args(self.kind)

    @property
    def default_words(self) -> str:
        """The default for people; empty where the option must be given."""
        if self.option.default:
            return self.option.default
        if self.default is dataclasses.MISSING or self.default is None or self.default in ((), {}):
            return ""
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        return ",".join(map(str, self.default)) if isinstance(self.default, tuple) else f"{self.default}"

    @property
    def range_words(self) -> str:
        """The limits for people: "> 0", ">= 0, < 1", or the choices."""
        if self.choices:
            return ", ".join(self.choices)
        signs = {"Gt": ("gt", ">"), "Ge": ("ge", ">="), "Lt": ("lt", "<"), "Le": ("le", "<=")}
        found = []
        for limit in self.limits:
            name, sign = signs[type(limit).__name__]
            found.append(f"{sign} {getattr(limit, name)}")
        return ", ".join(found)

    def check(self, value: Any) -> Any:
        """The value, converted to the option's type.

        Raises:
            ValueError: it does not fit; the message follows the option's name.
        """
        from pydantic import ValidationError

        if self.option.read is not None:
            value = self.option.read(value)
        try:
            value = _adapter(self.kind, self.limits).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            said = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            raise ValueError(f"{said}, got {first['input']!r}") from error
        if self.option.exists and isinstance(value, Path) and not value.exists():
            raise ValueError(f"must exist, got {value}; no such file or folder")
        return value


class Group:
    """Base class of groups of options, which are frozen dataclasses.

    Args:
        title: heading of the options on the command line and in the reference.

    Raises:
        InputError: names every option whose value does not fit, in one line.
    """

    title: typing.ClassVar[str] = ""

    def __init_subclass__(cls, title: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if title:
            cls.title = title

    def __post_init__(self) -> None:
        wrong = []
        for name, declared in options_of(type(self)).items():
            try:
                object.__setattr__(self, name, declared.check(getattr(self, name)))
            except ValueError as error:
                wrong.append(f"{name} {error}")
        if wrong:
            raise InputError("; ".join(wrong))


def groups_of(settings: type) -> dict[str, type[Group]]:
    """The groups of a settings class, by the name of its field; of a group, itself."""
    if issubclass(settings, Group):
        return {"": settings}
    hints = typing.get_type_hints(settings)
    return {field.name: hints[field.name] for field in dataclasses.fields(settings)}


@cache
def options_of(settings: type) -> dict[str, Declared]:
    """The options of a group, or of all groups of a settings class, in their order.

    Raises:
        TypeError: two groups declare one name, or a field has no `Option`.
    """
    found: dict[str, Declared] = {}
    for group in groups_of(settings).values():
        hints = typing.get_type_hints(group, include_extras=True)
        for field in dataclasses.fields(group):  # type: ignore[arg-type]
            if field.name in found:
                raise TypeError(f"{settings.__name__} declares the option {field.name} twice")
            found[field.name] = _declared(field, hints[field.name], group.title)
    return found


def settings_of(settings: type[T], values: Mapping[str, Any]) -> T:
    """A group, or settings of groups, from flat named values; what is not named has its default.

    Raises:
        InputError: names every value that is unknown, missing or out of range, in one line.
    """
    wrong = [unknown_names(values, options_of(settings))] if set(values) - set(options_of(settings)) else []
    made: dict[str, Any] = {}
    for name, group in groups_of(settings).items():
        declared = options_of(group)
        given = {key: value for key, value in values.items() if key in declared}
        missing = [key for key, one in declared.items() if one.default is dataclasses.MISSING and key not in given]
        try:
            if missing:
                raise InputError("; ".join(f"{key} is missing" for key in missing))
            made[name] = group(**given)
        except InputError as error:
            wrong.append(str(error))
    if wrong:
        raise InputError("; ".join(wrong))
    return made[""] if "" in made else settings(**made)


def unknown_names(values: Iterable[str], known: Iterable[str]) -> str:
    """A sentence on names that are no options, with the nearest that are."""
    said = []
    for name in sorted(set(values) - set(known)):
        near = difflib.get_close_matches(name, list(known), n=1)
        said.append(f"there is no option {name}" + (f"; did you mean {near[0]}?" if near else ""))
    return "; ".join(said)


def flat(settings: Any) -> dict[str, Any]:
    """Named values of a group, or of all groups of settings."""
    groups = (
        [settings] if isinstance(settings, Group) else [getattr(settings, name) for name in groups_of(type(settings))]
    )
    return {name: getattr(group, name) for group in groups for name in options_of(type(group))}


def reference(settings: type) -> str:
    """Tables of the options, a group each, in Markdown: the reference page of a verb."""
    lines: list[str] = []
    title = None
    for name, one in options_of(settings).items():
        if one.title != title:
            title = one.title
            lines += [
                "",
                f"### {title}",
                "",
                "| option | default | range | unit | |",
                "| --- | --- | --- | --- | --- |",
            ]
        cells = (f"`{name}`", one.default_words, one.range_words, one.option.unit, one.option.help)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines[1:]) + "\n"


def _declared(field: dataclasses.Field[Any], hint: Any, title: str) -> Declared:
    metadata = getattr(hint, "__metadata__", ())
    option = next((entry for entry in metadata if isinstance(entry, Option)), None)
    if option is None:
        raise TypeError(f"the field {field.name} needs an Option in its annotation")
    limits = tuple(entry for entry in metadata if isinstance(entry, annotated_types.BaseMetadata))
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return Declared(field.name, typing.get_args(hint)[0], limits, option, default, title)


@cache
def _adapter(kind: Any, limits: tuple[Any, ...]) -> Any:
    from pydantic import TypeAdapter

    present = [part for part in typing.get_args(kind) if part is not type(None)]
    if limits and type(None) in typing.get_args(kind):  # the limits are those of a value that is there
        (part,) = present
        return TypeAdapter(typing.Optional[Annotated[(part, *limits)]])  # noqa: UP045
    return TypeAdapter(Annotated[(kind, *limits)] if limits else kind)
