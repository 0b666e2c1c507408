"""Fit a scaling of a model's probabilities, so that of the pixels at 80 %, 80 % are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.options import check_paths, must_exist, with_options
from densa.progress import progress_bar
from densa.verbs.held_out import HeldOut, held_out_of
from densa.verbs.inputs import allowed
from densa.verbs.settings import CalibrateOptions
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.reports import MeasuredOn
    from densa.segmenter import Scaling
    from densa.training.calibration import CalibrationFit

__all__ = ["CalibratedRun", "calibrate"]

_SCORES = {"ece": "ECE", "class_wise_ece": "class-wise ECE", "brier": "Brier score", "nll": "NLL"}


@dataclass(frozen=True)
class CalibratedRun:
    """What `densa calibrate` did.

    Attributes:
        run: the run or model folder.
        scaling: of its probabilities, fitted or (undo) removed.
        written: whether model.json was written; False for a dry run.
        fit: what the scaling was fitted to, and the scores without and with it on the held-out half; None for undo.
        measured_on: the images; None for undo.
    """

    run: Path
    scaling: Scaling
    written: bool
    fit: CalibrationFit | None = None
    measured_on: MeasuredOn | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        own: dict[str, Any] = {
            "run": str(self.run),
            "written": self.written,
            "undone": self.fit is None,
            "method": self.scaling.method,
            "temperatures": list(self.scaling.temperatures),
            "biases": list(self.scaling.biases),
        }
        if self.scaling.method == "temperature":
            own["temperature"] = self.scaling.temperatures[0]
        return own if self.fit is None or self.measured_on is None else own | _record(self.fit, self.measured_on)

    def lines(self) -> Iterator[str]:
        """For people: the scaling, what it was fitted to, a table of scores, and the file."""
        file = self.run / "model.json"
        if self.fit is None:
            yield f"removed {self.scaling}: the probabilities of {self.run} are the model's own again"
            yield f"wrote {file}"
            return
        fit = self.fit
        yield f"{self.scaling}"
        yield (
            f"fitted to {fit.n_pixels} pixels of {_images(fit, fit.n_images, 'upper')}, one in each block of "
            f"{fit.block} px; measured on the {fit.before.n_pixels} labelled pixels of "
            f"{_images(fit, fit.n_held_out, 'lower')}"
        )
        yield f"{'':<16}{'before':>10}{'after':>10}"
        for name, title in _SCORES.items():
            yield f"{title:<16}{getattr(fit.before, name):>10.4f}{getattr(fit.after, name):>10.4f}"
        yield f"{fit.n_changed} of {fit.before.n_pixels} labels change"
        yield f"wrote {file}" if self.written else f"would write {file}"


def calibrate(
    run: Path | str,
    data: Path | str | None = None,
    *,
    undo: bool = False,
    dry_run: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> CalibratedRun:
    """Fit a scaling of a model's probabilities to labelled images that it was not trained on, and store it in the run.

    Everything that uses the run then gives scaled probabilities: predict, evaluate, seams, ensembles.

    Args:
        run: a run or model folder; its model.json is rewritten.
        data: a data set; not needed to undo.
        undo: remove the scaling that is stored.
        dry_run: fit and measure, and write nothing.
        overwrite: replace a scaling that is stored.
        progress: show a progress bar on stderr.
        **options: the options of `densa calibrate`, by name, see the reference.

    Returns:
        The scaling, and the scores without and with it.

    Raises:
        InputError: no model or data, images that the model was trained on, too few labelled pixels, a scaling that is
            stored already, or none to undo.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> run = densa.train(data, model="pixel-forest", trees=3, output="forest", progress=False)
        >>> found = densa.calibrate(run.folder, data, split="test", progress=False)
        >>> found.scaling.method, found.fit.n_changed, found.fit.after.nll < found.fit.before.nll
        ('temperature', 0, True)
    """
    settings = CalibrateOptions.of(**options)
    check_paths(CalibrateOptions, options)
    must_exist(run=run)
    folder = Path(run)
    from densa.segmenter import read_calibration, store_calibration

    stored = read_calibration(folder)
    if undo:
        if stored is None:
            raise InputError(f"{folder} is not calibrated, there is nothing to undo")
        if not dry_run:
            store_calibration(folder, None)
        return CalibratedRun(folder, stored.scaling, not dry_run)
    if data is None:
        raise InputError("data must be given: a data set with labelled images that the model was not trained on")
    must_exist(data=data)
    if stored is not None and not (overwrite or dry_run):
        raise InputError(f"{folder} is calibrated already ({stored}); give overwrite=True, or undo=True to remove that")
    with allowed(settings), progress_bar("calibrate", shown=progress) as show:
        found = _held_out(folder, Path(data), settings)
        from densa.training.calibration import calibrate as fit_and_measure

        fit = fit_and_measure(
            found.segmenter,
            found.images,
            method=settings.method,
            block=settings.block,
            seed=settings.seed,
            fit=found.fit,
            progress=show,
        )
    for line in _remarks(fit):
        tell(line)
    if not dry_run:
        store_calibration(folder, fit.scaling, _record(fit, found.measured_on))
    return CalibratedRun(folder, fit.scaling, not dry_run, fit, found.measured_on)


calibrate.__signature__ = with_options(calibrate, CalibrateOptions)  # type: ignore[attr-defined]


def _held_out(folder: Path, data: Path, settings: CalibrateOptions) -> HeldOut:
    """The images to calibrate on: validation images, or else any that the model was not trained on."""
    found = held_out_of(folder, data, settings, *(("val", None) if settings.split is None else (settings.split,)))
    for line in found.images.taken:
        tell(line)
    if settings.split is None and found.measured_on.split != "val" and not found.measured_on.trained_on:
        tell(f"there are no validation images: calibrated on {found.measured_on}")
    if found.measured_on.trained_on and settings.split != "train":
        raise InputError(
            f"{data} has only images that {folder} was trained on, of which it is surer than of others; give images "
            "that are new to it (split train takes these all the same)"
        )
    return found


def _images(fit: CalibrationFit, n: int, half: str) -> str:
    return f"the {half} half of the image" if fit.halves else f"{n} image{'s' * (n != 1)}"


def _remarks(fit: CalibrationFit) -> Iterator[str]:
    """What the user should know of a fit."""
    from densa.segmenter.calibration.fitting import LIMITS

    if not fit.scaling.keeps_labels:
        yield (
            f"{fit.scaling.method} scaling may change labels: {fit.n_changed} of {fit.before.n_pixels} on the held-out "
            "half; a temperature changes none"
        )
    if fit.n_hard:
        yield (
            f"{fit.n_hard} of {fit.n_pixels} pixels have a probability of exactly 1: a scaling gives all of them one "
            "confidence"
        )
    if fit.unseen:
        yield f"no pixel of the fit is {', '.join(fit.unseen)}: " + (
            "the temperature is that of the other classes"
            if fit.scaling.keeps_labels
            else "they keep the temperature of all classes"
        )
    low, high = LIMITS
    if any(not 1.01 * low < t < high / 1.01 for t in fit.scaling.temperatures):
        yield f"a temperature is at its limit ({low:g} to {high:g}): all pixels of the fit are right, or too few"
    if fit.after.nll > fit.before.nll:
        yield (
            f"the scaling does not help: NLL {fit.before.nll:.4f} before, {fit.after.nll:.4f} after on the held-out "
            "half; `undo` removes it"
        )


def _record(fit: CalibrationFit, measured_on: MeasuredOn) -> dict[str, Any]:
    """What model.json keeps of the fit."""
    scores = {
        name: {key: float(getattr(of, key)) for key in (*_SCORES, "accuracy", "confidence")}
        for name, of in (("before", fit.before), ("after", fit.after))
    }
    return {
        "fitted_on": str(measured_on),
        "pixels": fit.n_pixels,
        "block": fit.block,
        "images": fit.n_images,
        "held_out": {
            "images": fit.n_held_out,
            "pixels": fit.before.n_pixels,
            "changed_labels": fit.n_changed,
            **scores,
        },
    }
