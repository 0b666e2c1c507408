"""Predict an image under two tilings, to see whether tile borders change labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from densa.errors import InputError
from densa.locations import location, with_assets
from densa.options import must_exist
from densa.outputs import check_outputs, files_inside
from densa.progress import progress_bar
from densa.settings import Computation
from densa.verbs.inputs import allowed, fitted, open_page
from densa.verbs.settings import SeamsOptions
from densa.verbs.tell import tell_place

__all__ = ["TwoTilings", "seams"]


@dataclass(frozen=True)
class TwoTilings:
    """How the labels of two tilings differ.

    Attributes:
        image: the image.
        tiles: sides of the two tilings in pixels; the second is that of blended windows where `blend` is given.
        blend: weights of the blended windows, or None.
        pixels, differing, share: pixels with a label, those whose labels differ, ties left aside, and their share.
        ties: those whose labels differ and whose two best probabilities are equal to 1e-5.
        picture: where a picture of the differences was written, or None.
    """

    image: Path
    tiles: tuple[int, int]
    blend: str | None
    pixels: int
    differing: int
    share: float
    picture: Path | None
    ties: int = 0


def seams(
    run: Path | str, image: Path | str, *, output: Path | str | None = None, overwrite: bool = False, **options: Any
) -> TwoTilings:
    """Predict an image under two tilings and count the pixels whose labels differ.

    Args:
        run: a run or model folder.
        image: an image of any size.
        output: a .png picture of the differences; None writes none.
        overwrite: replace it.
        **options: the options of `densa seams`, by name, see the reference.

    Raises:
        InputError: no model or image, tiles that do not fit the model's stride, an output that exists.
    """
    settings = SeamsOptions.of(**options)
    run, picture = Path(run), None if output is None else Path(output)
    image = with_assets(location(image), settings.assets)
    must_exist(run=run, image=image)
    if picture is not None:
        _check_picture(picture, run, image, overwrite)
    from densa import methods, raster, reports
    from densa.engine import Blended
    from densa.segmenter import within_calibration

    segmenter = methods.load(run, **settings.part(Computation).flat())
    step = segmenter.stride * (2 if settings.blend else 1)
    usual = -(-256 // segmenter.stride) * segmenter.stride, -(-384 // step) * step
    first, second = settings.tiles or usual
    other = None
    if settings.blend is not None:
        blended = partial(Blended, window_size=second, weights=settings.blend)
        other = within_calibration(segmenter, blended)
    with allowed(settings), open_page(image, settings.page) as opened, progress_bar(image.name) as show:
        tell_place(opened, [])
        taken = fitted(segmenter.bands, opened, settings).raster
        sides = (first, second if other is None else other.stride)
        found = reports.find_seams(segmenter, taken, sides, other=other, progress=show)
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            raster.write_picture(picture, reports.seams_picture(found, opened), overwrite=overwrite)
    tiles = first, second
    return TwoTilings(image, tiles, settings.blend, found.pixels, found.differing, found.share, picture, found.ties)


def _check_picture(picture: Path, run: Path, image: Path, overwrite: bool) -> None:
    if picture.suffix.lower() != ".png":
        raise InputError(f"output must end in .png, got {picture}")
    check_outputs([("picture", picture)], [image, *files_inside(run)])
    if picture.exists() and not overwrite:
        raise InputError(f"{picture} exists; choose another output or give overwrite=True")
