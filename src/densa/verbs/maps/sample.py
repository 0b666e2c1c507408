"""Draw a sample of a map, as points whose reference class is to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.locations import location
from densa.options import check_paths, must_exist, with_options
from densa.outputs import check_outputs
from densa.progress import progress_bar
from densa.verbs.inputs import allowed
from densa.verbs.settings import SampleOptions

if TYPE_CHECKING:
    from densa.accuracy import MapSample, SamplePlan

__all__ = ["sample"]

_USUAL_BLOCK = 3  # pixels


def sample(
    map: Path | str,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> MapSample:
    """Draw a probability sample of a map of any size, for the assessment of its accuracy and areas.

    Args:
        map: a map of classes, as `densa predict` writes it, or any other.
        output: .gpkg, .geojson, .fgb or .csv of points with an empty column `ref`; None draws nothing and returns the
            numbers alone.
        overwrite: replace an existing file.
        progress: show a progress bar on stderr.
        **options: the options of `densa sample`, by name, see the reference.

    Returns:
        The sample, or what would be drawn.

    Raises:
        InputError: no map of classes, options that do not fit, an output that exists.

    Examples:
        >>> import numpy as np
        >>> import densa
        >>> legend = densa.Legend(("field", "road"))
        >>> densa.raster.write_label_map("map.tif", np.array([[0] * 8, [1] * 8], np.uint8), legend)
        >>> found = densa.sample("map.tif", per_class=3, output="points.csv", progress=False)
        >>> len(found), found.numbers.tolist()
        (6, [3, 3])
    """
    settings = SampleOptions.of(**options)
    check_paths(SampleOptions, options)
    path = location(map)
    must_exist(map=path)
    plan = _plan(settings)
    from densa.accuracy import draw_sample
    from densa.legend import Legend

    if output is not None:
        _check_output(Path(output), [path, settings.strata, settings.legend], overwrite)
    legend = None if settings.legend is None else Legend.from_file(settings.legend)
    with allowed(settings):
        found = draw_sample(
            path,
            plan,
            strata=settings.strata,
            legend=legend,
            draw=output is not None,
            progress=lambda name: progress_bar(name, shown=progress),
        )
    if output is not None:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        found.write(output, overwrite=overwrite)
    return found


sample.__signature__ = with_options(sample, SampleOptions)  # type: ignore[attr-defined]


def _plan(settings: SampleOptions) -> SamplePlan:
    from densa.accuracy import SamplePlan

    if settings.unit == "pixel" and settings.block is not None:
        raise InputError("block has no effect with unit=pixel; give unit=block")
    block = settings.block or (_USUAL_BLOCK if settings.unit == "block" else 1)
    return SamplePlan(
        total=settings.total,
        per_class=settings.per_class,
        half_width=settings.half_width,
        design=settings.design,
        allocation=settings.allocation,
        expected=settings.expected,
        block=block,
        seed=settings.seed,
    )


def _check_output(output: Path, inputs: list[Path | None], overwrite: bool) -> None:
    from densa.raster.vector.point_writer import check_points

    check_points(output)
    check_outputs([("points", output)], [path for path in inputs if path is not None])
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists; choose another output or give overwrite=True")
