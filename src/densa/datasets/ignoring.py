"""Classes of a legend that are to be ignored: by value, by colour or by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from densa.datasets.masks import Encoding
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import Color, Legend

__all__ = ["ignored_colors", "ignored_values", "without_ignored"]


def ignored_values(ignore: Sequence[int | str]) -> tuple[int, ...]:
    """The values among what is ignored."""
    return tuple(one for one in ignore if isinstance(one, int))


def ignored_colors(ignore: Sequence[int | str]) -> tuple[Color, ...]:
    """The colours among what is ignored."""
    return tuple(_color(one) for one in ignore if isinstance(one, str) and one.startswith("#"))


def without_ignored(legend: Legend, encoding: Encoding, ignore: Sequence[int | str]) -> Legend:
    """A legend in which values, colours and classes are ignored.

    Args:
        legend: of masks.
        encoding: of the masks.
        ignore: values, colours as "#RRGGBB", and names of classes.

    Raises:
        InputError: a value for masks of colours, a colour that no class of masks of values has, an unknown name, or no
            class is left.
    """
    by_color = encoding in ("colors", "near-colors")
    codes, colors = list(legend.ignored_codes), list(legend.ignored_colors)
    gone: set[int] = set()
    for one in ignore:
        if isinstance(one, int):
            if by_color:
                raise InputError(f'ignore must be a colour such as "#000000", for the masks hold colours, got {one}')
            gone |= {i for i, code in enumerate(legend.codes) if code == one}
            codes.append(one)
        elif one.startswith("#"):
            color = _color(one)
            gone |= {i for i, own in enumerate(legend.colors) if own == color}
            if not by_color and color not in legend.colors and color not in legend.ignored_colors:
                raise InputError(
                    f"ignore must be a value, for the masks hold values and no class has the colour {one}: the "
                    f"values are {listed(legend.codes)}"
                )
            colors.append(color)
        else:
            named = {i for i, name in enumerate(legend.class_names) if name.lower() == one.lower()}
            if not named:
                raise InputError(
                    f"ignore must be a value, a colour or one of the classes {listed(legend.class_names)}, got {one!r}"
                )
            gone |= named
    kept = [i for i in range(legend.n_classes) if i not in gone]
    if not kept:
        raise InputError("ignore names all classes of the masks; leave at least one")
    codes += [legend.codes[i] for i in sorted(gone)]
    colors += [legend.colors[i] for i in sorted(gone)] if by_color else []
    return replace(
        legend,
        class_names=tuple(legend.class_names[i] for i in kept),
        colors=tuple(legend.colors[i] for i in kept),
        codes=tuple(legend.codes[i] for i in kept),
        ignored_codes=tuple(dict.fromkeys(codes)),
        ignored_colors=tuple(color for color in dict.fromkeys(colors) if color not in {legend.colors[i] for i in kept}),
    )


def _color(text: str) -> Color:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
