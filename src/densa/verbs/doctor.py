"""Examine a data set, report what is wrong with it, and write a mended copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError, one_line
from densa.options import must_exist
from densa.outputs import check_folder
from densa.progress import progress_bar
from densa.verbs.inputs import allowed, reading_of
from densa.verbs.settings import DoctorOptions
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.doctor import Change, Diagnosis

__all__ = ["Examined", "doctor"]


@dataclass(frozen=True)
class Examined:
    """What the doctor found, and what was written.

    Attributes:
        diagnosis: of the data set.
        page: the page of the report, or None.
        copy: the folder of the mended copy, or None.
        changes: what was changed in it.
        mended: diagnosis of the copy, or None.
    """

    diagnosis: Diagnosis
    page: Path | None = None
    copy: Path | None = None
    changes: tuple[Change, ...] = ()
    mended: Diagnosis | None = None

    def exit_code(self, *, strict: bool = False) -> int:
        """0 sound, 1 warnings, 2 errors: of the mended copy where one was written."""
        from densa.doctor import exit_code

        return exit_code((self.mended or self.diagnosis).findings, strict=strict)

    def to_json(self) -> dict[str, Any]:
        """All of it as a dictionary for JSON."""
        content = self.diagnosis.to_json()
        if self.mended is not None:
            changes = [{"file": str(change.file), "change": change.what} for change in self.changes]
            content["fixed"] = {"folder": str(self.copy), "changes": changes, **self.mended.to_json()}
        return content


def doctor(
    data: Path | str,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> Examined:
    """Examine a data set.

    Args:
        data: folder of images and masks.
        output: folder of the report: report.html, findings.json and, where it mends something, legend.json; or an .html
            file for the page alone. None writes none.
        overwrite: replace a report and a mended copy.
        progress: show progress bars on stderr.
        **options: the options of `densa doctor`, by name, see the reference.

    Raises:
        InputError: options that do not fit, `data` is not a folder, an output that exists.
    """
    settings = DoctorOptions.of(**options)
    must_exist(data=data)
    data = Path(data)
    if not data.is_dir() and settings.labels is None:
        raise InputError(f"data must be a folder of images and masks, got the file {data}")
    if settings.folds is not None and settings.model is None:
        raise InputError("folds needs `model`, a run whose configuration trains the models of the folds")
    from densa.doctor import examine, mend, write_report
    from densa.doctor.fix import check_copy
    from densa.doctor.page import check_report

    if output is not None:
        check_report(output, data, overwrite=overwrite)
    if settings.fix is not None:
        check_copy(data, settings.fix, overwrite=overwrite)
        if output is not None:
            check_folder(Path(output))
    with allowed(settings):
        with progress_bar("doctor", shown=progress) as show:
            found = examine(
                data,
                legend=settings.legend,
                images=settings.images,
                masks=settings.masks,
                align=settings.align,
                bands=settings.bands,
                reading=reading_of(settings),
                report=None if output is None else Path(output),
                progress=show,
            )
        if settings.model is not None:
            found = _suiting(found, settings.model)
        if found.subject is not None:
            tell(found.subject.layout.line())
        if settings.model is not None:
            found = _with_labels(found, data, settings, output, progress)
        page = None if output is None else write_report(found, output, overwrite=overwrite)
        if settings.fix is None:
            return Examined(found, page)
        with progress_bar("mending", shown=progress) as show:
            changes = mend(found, settings.fix, overwrite=overwrite, progress=show)
        with progress_bar("doctor of the copy", shown=progress) as show:
            mended = examine(settings.fix, progress=show)
    return Examined(found, page, settings.fix, changes, mended)


def _suiting(found: Diagnosis, model: Path) -> Diagnosis:
    """The diagnosis with what does not suit a model."""
    from densa import methods
    from densa.doctor import suiting
    from densa.training import TrainConfig

    segmenter = methods.load(model)
    patch_size = None
    if (model / "config.yaml").is_file():
        side = TrainConfig.from_yaml(model / "config.yaml").patch_size
        patch_size = side if isinstance(side, int) else None
    return suiting(found, segmenter, patch_size=patch_size)


def _with_labels(
    found: Diagnosis, data: Path, settings: DoctorOptions, output: Path | str | None, progress: bool
) -> Diagnosis:
    """The diagnosis with what the model says of the labels; data that cannot be opened is not looked at by it."""
    from densa.doctor.diagnosis import with_labels
    from densa.verbs.cross_validation.labels import label_doubts

    if found.count("error") and (found.subject is None or found.subject.refusal):
        tell("the labels are not compared with the model, for the data cannot be opened; mend the errors first")
        return found
    folder = None if output is None or Path(output).suffix.lower() in (".html", ".htm") else Path(output)
    assert settings.model is not None
    try:
        doubts = label_doubts(settings.model, data, settings, output=folder, progress=progress)
    except InputError as error:
        if not found.count("error"):
            raise
        tell(f"the labels are not compared with the model; mend the errors first: {one_line(error)}")
        return found
    return with_labels(found, doubts)
