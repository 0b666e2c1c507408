"""Options, declared once for the command line, config.yaml, Python keywords, `densa info` and the reference.

An option is a field of a frozen dataclass, its group; the annotation carries range, unit and one line of help:

    @dataclass(frozen=True, kw_only=True)
    class Optimisation(Group, title="Optimiser"):
        learning_rate: Annotated[float, Gt(0), Option("Base learning rate.")] = 2e-3

Settings inherit from the groups that they consist of, so they are flat and can be passed wherever one of their groups
is expected:

    @dataclass(frozen=True, kw_only=True)
    class Training(Patches, Optimisation, Loss): ...

A group checks its values when it is created: by the command line, from a config.yaml or by a Python caller. This module
imports neither numpy nor torch, so that `densa VERB --help` is fast.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import annotated_types

from densa.errors import InputError
from densa.locations import Elsewhere, location

__all__ = [
    "Declared",
    "Group",
    "Option",
    "check_paths",
    "must_exist",
    "options_of",
    "reference",
    "unknown_names",
    "with_options",
]


@dataclass(frozen=True)
class Option:
    """Description of an option beside its type, range and default.

    Args:
        help: one line; a sentence.
        unit: of a number: "px", "m", "bytes", "min".
        metavar: placeholder of the value on the command line; None: its choices or its type.
        default: text for a default that is a rule (the value is then None), such as "a tenth of the run".
        read: converts text of a command line or a YAML file ("360x480") to the value; raises ValueError with a message
            that follows the option's name ("must be ...").
        exists: the path must exist, see `check_paths`.
        negatable: a boolean option has `--no-NAME` too; None: if its default is not False.
        flag: name on the command line, if it is not `--NAME`.
        repeatable: the command line takes it several times; `read` then gets a list.
    """

    help: str
    unit: str = ""
    metavar: str | None = None
    default: str = ""
    read: Callable[[Any], Any] | None = None
    exists: bool = False
    negatable: bool | None = None
    flag: str = ""
    repeatable: bool = False


@dataclass(frozen=True)
class Declared:
    """One option as it was declared.

    Attributes:
        name: name of the field.
        kind: its type.
        limits: `annotated_types` constraints.
        option: help, unit and so on.
        default: value; `dataclasses.MISSING` if there is none.
        title: title of its group.
    """

    name: str
    kind: Any
    limits: tuple[Any, ...]
    option: Option
    default: Any
    title: str

    @property
    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING

    @property
    def choices(self) -> tuple[str, ...]:
        """The permitted values of an option of type Literal; empty for other types."""
        kinds = (self.kind, *typing.get_args(self.kind))
        return next((typing.get_args(kind) for kind in kinds if typing.get_origin(kind) is Literal), ())

    @property
    def is_flag(self) -> bool:
        """Whether the value is true or false (or None)."""
        return bool in (self.kind, *typing.get_args(self.kind)) and int not in typing.get_args(self.kind)

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return self.option.flag or f"--{self.name.replace('_', '-')}"

    @property
    def default_words(self) -> str:
        """The default for people; empty where the option must be given."""
        if self.option.default:
            return self.option.default
        if self.is_required or self.default is None or self.default in ((), {}):
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
        """Convert a value to the option's type and check it.

        Raises:
            ValueError: wrong type or out of range; the message follows the option's name.
        """
        from pydantic import ValidationError

        kinds = _leaves(self.kind)
        if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:  # pydantic takes True for 1
            raise ValueError(f"must be a number, got {value!r}")
        if self.option.read is not None:
            value = self.option.read(value)
        try:
            value = _adapter(self.kind, self.limits).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            said = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            near = difflib.get_close_matches(str(value), self.choices, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"{said}, got {first['input']!r}{hint}") from error
        return value


class Group:
    """Base class of groups of options and of settings that consist of groups; all are frozen dataclasses.

    Args:
        title: heading of the options on the command line and in the reference.

    Raises:
        InputError: names every option with an invalid value, in one line.
    """

    title: ClassVar[str] = ""

    def __init_subclass__(cls, title: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if title:
            cls.title = title

    def __post_init__(self) -> None:
        checked, wrong = _check(type(self), self.flat())
        if wrong:
            raise InputError("; ".join(wrong))
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Create from named values; a group may be passed under any name, as in `augmentation=Augmentation(scale=0.5)`.

        Raises:
            InputError: names every value that is unknown, missing or out of range, in one line.
        """
        named: dict[str, Any] = {}
        for name, value in values.items():
            named |= value.flat() if isinstance(value, Group) else {name: value}
        known = options_of(cls)
        wrong = [unknown_names(named, known)] if set(named) - set(known) else []
        wrong += [f"{name} is missing" for name, one in known.items() if one.is_required and name not in named]
        wrong += _check(cls, {name: value for name, value in named.items() if name in known})[1]
        if wrong:
            raise InputError("; ".join(wrong))
        return cls(**named)

    def flat(self) -> dict[str, Any]:
        """The named values of all options."""
        return {name: getattr(self, name) for name in options_of(type(self))}

    def part(self, group: type[G]) -> G:
        """One of the groups that these settings consist of."""
        return group(**{name: getattr(self, name) for name in options_of(group)})


G = TypeVar("G", bound=Group)


def _check(settings: type[Group], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The converted values, and a sentence on each invalid one."""
    checked, wrong = {}, []
    for name, value in values.items():
        try:
            checked[name] = options_of(settings)[name].check(value)
        except ValueError as error:
            wrong.append(f"{name} {error}")
    return checked, wrong


_KNOWN: dict[type[Group], dict[str, Declared]] = {}


def options_of(settings: type[Group]) -> dict[str, Declared]:
    """The options of a group, or of all groups of settings, in the order of the groups.

    Raises:
        TypeError: two groups declare one name, or a field has no `Option`.
    """
    if settings not in _KNOWN:
        _KNOWN[settings] = _read_options(settings)
    return _KNOWN[settings]


def _read_options(settings: type[Group]) -> dict[str, Declared]:
    found: dict[str, Declared] = {}
    own = vars(settings).get("__annotations__", {})
    hints = typing.get_type_hints(settings, include_extras=True)
    for base in settings.__bases__:
        for name, declared in (options_of(base) if issubclass(base, Group) else {}).items():
            if found.setdefault(name, declared) is not declared or name in own:
                raise TypeError(f"{settings.__name__}: the option {name} is declared twice")
    fields: dict[str, dataclasses.Field[Any]] = vars(settings).get("__dataclass_fields__", {})
    for name in (name for name in fields if name in own):
        found[name] = _declared(fields[name], hints[name], settings.title)
    return found


def unknown_names(values: Iterable[str], known: Iterable[str]) -> str:
    """A sentence on unknown names, with the nearest known ones."""
    said = []
    for name in sorted(set(values) - set(known)):
        near = difflib.get_close_matches(name, list(known), n=1)
        said.append(f"there is no option {name}" + (f"; did you mean {near[0]}?" if near else ""))
    return "; ".join(said)


def check_paths(settings: type[Group], values: Mapping[str, Any]) -> None:
    """Refuse options whose paths do not exist, before large imports.

    Raises:
        InputError: names the option and the path.
    """
    for name, one in options_of(settings).items():
        if one.option.exists and values.get(name) is not None:
            must_exist(**{name: location(values[name])})


def must_exist(**paths: Path | str) -> None:
    """Refuse named paths that do not exist here, before large imports.

    Raises:
        InputError: names the argument and the path.
    """
    for name, path in paths.items():
        if not isinstance(path, (str, Path)):
            raise InputError(f"{name} must be a path, got {type(path).__name__}")
        if not (path if isinstance(path, Path) else Path(path)).exists():
            if isinstance(location(path), Elsewhere):
                raise InputError(f"{name} must lie on this machine, got {location(path)}: download it")
            raise InputError(f"{name} must exist, got {path}: there is no such file or folder")


def with_options(function: Callable[..., Any], settings: type[Group]) -> inspect.Signature:
    """The signature of a function with `**options`, each option a keyword with its type and default."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    for name, option in options_of(settings).items():
        if name not in signature.parameters:
            default = inspect.Parameter.empty if option.is_required else option.default
            kind = inspect.Parameter.KEYWORD_ONLY
            is_path = option.kind in (Path, Path | None)  # given as a string, it is converted
            annotation = str | option.kind if is_path else option.kind
            own.append(inspect.Parameter(name, kind, default=default, annotation=annotation))
    return signature.replace(parameters=own)


def reference(settings: type[Group]) -> str:
    """Markdown tables of the options, one per group: the reference page of a verb."""
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


def _leaves(kind: Any) -> set[Any]:
    """The elementary types that a type consists of."""
    parts = typing.get_args(kind)
    return set().union(*(_leaves(part) for part in parts)) if parts else {kind}


@cache
def _adapter(kind: Any, limits: tuple[Any, ...]) -> Any:
    from pydantic import TypeAdapter

    optional = type(None) in typing.get_args(kind)
    if limits and optional:  # the limits apply to values other than None
        (kind,) = (part for part in typing.get_args(kind) if part is not type(None))
    hint: Any = Annotated[(kind, *limits)] if limits else kind
    return TypeAdapter(typing.Optional[hint] if limits and optional else hint)  # noqa: UP045


def _declared(field: dataclasses.Field[Any], hint: Any, title: str) -> Declared:
    metadata = getattr(hint, "__metadata__", ())
    option = next((entry for entry in metadata if isinstance(entry, Option)), None)
    if option is None:
        raise TypeError(f"the field {field.name} needs an Option in its annotation")
    limits = tuple(entry for entry in metadata if isinstance(entry, annotated_types.BaseMetadata))
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return Declared(field.name, typing.get_args(hint)[0], limits, option, default, title)
