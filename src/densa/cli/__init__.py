"""The command line: parse, call one function, show. Exit 0: done; 2: the user can mend it; 1: a defect of densa."""

from __future__ import annotations

import errno
import sys

import typer

from densa.cli import compare, demo, ensemble, evaluate, info, predict, regions, seams, train
from densa.cli.derived import DerivedCommand
from densa.errors import InputError

__all__ = ["app", "main"]

# Plain help: rich alone would take longer than all the rest of `densa --help`.
app = typer.Typer(
    help="Label every pixel of an image: train, predict, evaluate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("train", cls=DerivedCommand)(train.train)
app.command("predict", cls=DerivedCommand)(predict.predict)
app.command("ensemble", cls=DerivedCommand)(ensemble.ensemble)
app.command("compare", cls=DerivedCommand)(compare.compare)
app.command("evaluate", cls=DerivedCommand)(evaluate.evaluate)
app.command("seams", cls=DerivedCommand)(seams.seams)
app.command("regions", cls=DerivedCommand)(regions.regions)
app.command("models", cls=DerivedCommand)(info.models)
app.command("info", cls=DerivedCommand)(info.info)
app.command("demo", cls=DerivedCommand)(demo.demo)

# What the disk or the rights of a folder refuse is the user's to mend, not a defect.
_USERS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG}


@app.callback(invoke_without_command=True)
def _top(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        import densa

        print(densa.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        _stop(str(error))
    except (typer.Abort, KeyboardInterrupt):
        _stop("interrupted; nothing unfinished was kept under its final name")
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except OSError as error:
        if error.errno not in _USERS:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror}; free some space or choose another place")
    except Exception as error:
        if not hasattr(error, "show"):  # what the parser itself refuses: unknown option, missing argument
            raise
        error.show()
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _stop(message: str) -> None:
    print(f"densa: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
