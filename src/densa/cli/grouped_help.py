"""Plain help with the options in groups: rich would draw them too, and take longer than all the rest of `--help`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["GroupedCommand"]


class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings that their `rich_help_panel` names."""

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
