"""Commands whose options are derived from their declaration in `densa.options`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from densa.cli.ending import Terminated, say_interrupted
from densa.errors import InputError
from densa.machine import check_address_space
from densa.options import Declared, Group, options_of
from densa.verbs.tell import tell

__all__ = ["DerivedCommand", "in_flags", "options_from"]

F = TypeVar("F", bound=Callable[..., Any])
# What continues a verb that was interrupted.
_GOES_ON = {
    "predict": "resume=True continues",
    "regions": "resume=True continues",
    "compare": "the same command continues, and keeps the runs that are finished",
    "demo": "`densa demo --overwrite` begins again",
}
_FORMS = re.compile(
    r"`(?P<quoted>\w+)`"
    r"|\b(?P<name>\w+)=(?P<value>[\w/](?:[\w.:,/-]*[\w/])?)"
    r"|(?<!\bthe )\b(?P<named>\w+(?:, \w+)*)(?= (?:must|is missing|has no effect)\b)"
    r"|\b(?P<listed>\w+(?:, \w+){2,})"
    r"|\b(?P<alone>\w+_\w+)\b"
)


def options_from(*groups: type[Group], without: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Give a command the options of groups.

    The command has a parameter `given`, a dictionary of the options that were given by name, for the constructor of the
    settings; its other parameters are kept.

    Args:
        *groups: groups of options, or settings that consist of groups.
        without: names of options that the command takes in another way, such as an argument.
    """

    def derive(command: F) -> F:
        # Of two groups with an option of one name, the first counts.
        groups_reversed = reversed(groups)
        known = {name: one for group in groups_reversed for name, one in options_of(group).items()}
        order = [name for group in groups for name in options_of(group) if name not in without]
        declared = {name: known[name] for name in dict.fromkeys(order)}
        own = inspect.signature(command, eval_str=True).parameters
        arguments = [one for one in own.values() if not _is_option(one) and one.name != "given"]
        rest = [one for one in own.values() if _is_option(one)]
        derived = [_parameter(one) for one in declared.values()]
        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*arguments, *derived, *rest)]

        def run(**values: Any) -> Any:
            # A repeatable option that was not given is an empty list.
            chosen = {name: values.pop(name) for name in declared}
            return command(**values, given={name: v for name, v in chosen.items() if v is not None and v != []})

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run  # type: ignore[return-value]

    return derive


def _is_option(parameter: inspect.Parameter) -> bool:
    return any(
        isinstance(entry, typer.models.OptionInfo) for entry in getattr(parameter.annotation, "__metadata__", ())
    )


def _parameter(one: Declared) -> inspect.Parameter:
    """A parameter of a command; its default None means "not given"."""
    kinds = () if one.option.read is not None else (int, float, Path)
    kind: Any = next((k for k in kinds if one.kind in (k, k | None)), str)
    kind = list[str] if _is_repeatable(one) else bool if one.is_flag else kind
    flag = f"{one.flag}/--no-{one.flag[2:]}" if one.is_flag and _is_negatable(one) else one.flag
    option = typer.Option(
        flag,
        rich_help_panel=one.title,
        show_default=False,
        metavar=None if one.is_flag else one.option.metavar or ("|".join(one.choices) or None),
        help=_help(one),
    )
    kind_of_parameter = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(one.name, kind_of_parameter, default=None, annotation=Annotated[kind | None, option])


def _help(one: Declared) -> str:
    """The line of help, with the default and the unit in brackets."""
    default, unit = one.default_words, one.option.unit
    if unit and default[:1].isdigit():
        default, unit = f"{default} {unit}", ""
    words = "; ".join(part for part in (default, f"in {unit}" if unit else "") if part)
    return f"{one.option.help} [{words}]" if words else one.option.help


def _is_repeatable(one: Declared) -> bool:
    return one.option.repeatable or getattr(one.kind, "__origin__", None) is dict


def _is_negatable(one: Declared) -> bool:
    return one.default is not False if one.option.negatable is None else one.option.negatable


class DerivedCommand(TyperCommand):
    """A command whose options are grouped, and whose errors name flags where the library names arguments.

    The help is plain: rich would draw groups too, but importing it would take longer than the rest of `--help`.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, a section each."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if row is not None:
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or kind, []).append(row)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; notes on an interruption are printed.

        Raises:
            InputError: in terms of the command line.
        """
        check_address_space()
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise InputError(in_flags(str(error), _flags(self))) from error
        except KeyboardInterrupt as stop:
            notes = () if self.name in ("compare", "demo") else getattr(stop, "__notes__", ())
            for note in notes or [_GOES_ON[name] for name in [self.name] if name in _GOES_ON]:
                tell(in_flags(note, {"resume": "--resume"}))
            say_interrupted(stop)  # here, since typer makes an exit code of it
            if isinstance(stop, Terminated):
                raise typer.Exit(stop.code) from stop
            raise
        except Exception as error:
            from densa.training.loop.interruption import Interrupted

            if not isinstance(error, Interrupted):
                raise
            goes_on = _GOES_ON.get(str(self.name), "resume=True continues")
            tell(in_flags(str(error).replace("resume=True continues", goes_on), {"resume": "--resume"}))
            raise typer.Exit(128 + error.number) from None


def _flags(command: TyperCommand) -> dict[str, str]:
    """Spelling of each parameter of a command."""
    flags: dict[str, str] = {}
    for parameter in command.params:
        if parameter.name is not None:
            is_argument = parameter.param_type_name == "argument"
            metavar = getattr(parameter, "metavar", None) or parameter.name.upper()
            flags[parameter.name] = metavar.rstrip(".") if is_argument else parameter.opts[-1]
    return flags


def in_flags(message: str, flags: Mapping[str, str]) -> str:
    """A message of the library in terms of the command line.

    `overwrite=True` becomes `--overwrite`, `workers=4` `--workers 4`, and `tile_size` and names before "must" their
    flags.

    Args:
        message: names arguments as Python does.
        flags: spelling of each on the command line.
    """

    def replaced(match: re.Match[str]) -> str:
        form = match.groupdict()
        if form["name"] is not None:
            if form["name"] not in flags:
                return match[0]
            flag, value = flags[form["name"]], form["value"]
            return {"True": flag, "False": f"--no-{flag.lstrip('-')}"}.get(value, f"{flag} {value}")
        names = (form["quoted"] or form["named"] or form["listed"] or form["alone"]).split(", ")
        if form["listed"] and not all(name in flags for name in names):  # an ordinary list of words
            names = [flags.get(name, name) if "_" in name else name for name in names]
            return ", ".join(names)
        if form["quoted"] and names[0] not in flags:
            return match[0]
        return ", ".join(flags.get(name, name) for name in names)

    return _FORMS.sub(replaced, message)
