"""The command line: parse, call one function, print.

Exit 0: done; 2: an error of the input or of the machine, in one line; 130: stopped by Ctrl-C (by SIGTERM: 143); 1: a
defect of densa.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from densa.cli import console
from densa.cli.ending import MISTAKE, STOPPED, explained, heed_termination, say_interrupted, stop
from densa.cli.undecodable import hide_undecodable_messages
from densa.errors import InputError

__all__ = ["VERBS", "app", "main", "run"]

VERBS = {
    "doctor": "Say what is wrong with a data set, and how to mend it.",
    "rasterize": "Write polygons, strokes and annotations as masks, on the grid of their images.",
    "train": "Train a network or a shallow method on images and masks.",
    "predict": "Label every pixel of images with a trained model.",
    "ensemble": "Combine trained models into one that predicts their mean or product.",
    "compare": "Compare methods: accuracy, time, memory and size.",
    "evaluate": "Compare predictions with masks: numbers and one page.",
    "calibrate": "Scale a model's probabilities so that they mean what they say.",
    "split": "Divide a data set into folds, or train, val and test, that do not leak.",
    "sample": "Draw points of a map whose reference class is looked up, for `evaluate`.",
    "card": "Write a model card from what the files of a run say.",
    "seams": "Predict an image under two tilings and count labels that differ.",
    "regions": "Partition an image into regions of similar pixels.",
    "models": "List the methods, with their source.",
    "info": "Show the size and context of a network, or the settings of a run.",
    "demo": "Run a demonstration in a few minutes, on images that come with scikit-image.",
}
"""The verbs, each of which is a function of this name in the module of this name; `models` is in `info`."""


class _Verbs(TyperGroup):
    """Imports a verb when it is called, so that `densa VERB` loads no other."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _command(cmd_name) if cmd_name in VERBS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb; an unknown one is an error that offers the nearest name."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(VERBS)}"
            raise InputError(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _command(verb: str) -> Any:
    from densa.cli.derived import DerivedCommand

    module = import_module(f"densa.cli.{'info' if verb == 'models' else verb}")
    function: Callable[..., Any] = getattr(module, verb)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(verb, cls=DerivedCommand)(function)
    return get_command(alone)


# Plain help: importing rich would take longer than the rest of `densa --help`.
app = typer.Typer(
    cls=_Verbs,
    help="Label every pixel of an image: train, predict, evaluate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _top(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        import densa

        print(densa.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.stdout is sys.__stdout__:  # a process of its own, not a notebook or a test
        console.settle()
        heed_termination()
    hide_undecodable_messages()
    sys.exit(console.finish(run()))


def run() -> int:
    """Run the command line; returns the exit code."""
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt) as error:
        say_interrupted(error.__cause__ or error)
        return STOPPED
    except typer.Exit as ended:
        return ended.exit_code
    except Exception as error:
        if hasattr(error, "show"):  # errors of the parser: unknown option, missing argument
            error.show()
            return MISTAKE
        if (line := explained(error)) is None:
            raise
        return stop(line)
    return code if isinstance(code, int) else 0
