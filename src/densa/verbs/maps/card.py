"""Write a model card from what a run knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from densa.options import must_exist
from densa.outputs import check_outputs, files_inside

if TYPE_CHECKING:
    from densa.pages import ModelCard

__all__ = ["card"]


def card(
    run: Path | str,
    *,
    output: Path | str | None = None,
    evaluation: Path | str | None = None,
    overwrite: bool = False,
) -> tuple[ModelCard, list[Path]]:
    """Write `card.md` and `card.html`: data, split, input, training, scores, calibration, limits and cost of a model.

    Args:
        run: a run or model folder.
        output: folder of the card; None: the run.
        evaluation: `metrics.json` of `densa evaluate RUN DATA -o REPORT`, or its folder; None: the newest in the run
            and in the folders in it.
        overwrite: replace a card that exists.

    Returns:
        The card, and the paths of its files.

    Raises:
        InputError: no model, a damaged file, or a card that exists.

    Examples:
        >>> import densa
        >>> from densa import networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = densa.Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> found, paths = densa.card("model")
        >>> [path.name for path in paths]
        ['card.md', 'card.html']
    """
    must_exist(run=run, **({} if evaluation is None else {"evaluation": evaluation}))
    from densa.pages import model_card, write_card
    from densa.pages.card_files import CARD_FILES, check_card

    folder = Path(run) if output is None else Path(output)
    paths = check_card(folder, overwrite=overwrite)
    read = [path for path in files_inside(Path(run)) if path.name not in CARD_FILES]
    check_outputs([(path.name, path) for path in paths], read)
    found = model_card(run, evaluation)
    return found, write_card(found, folder, overwrite=overwrite)
