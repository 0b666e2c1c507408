"""Writes the reference of the options from their declarations; called when the documentation is built."""

from pathlib import Path

from densa.options import reference
from densa.settings import Existing, Resumable
from densa.training.settings import TrainOptions
from densa.verbs.settings import (
    CalibrateOptions,
    CompareOptions,
    DoctorOptions,
    EvaluateOptions,
    PredictOptions,
    RasterizeOptions,
    SampleOptions,
    SeamsOptions,
    SegmentOptions,
    SplitOptions,
)

VERBS = {
    "train": (TrainOptions, Resumable),
    "predict": (PredictOptions,),
    "regions": (SegmentOptions,),
    "evaluate": (EvaluateOptions, Existing),
    "calibrate": (CalibrateOptions, Existing),
    "sample": (SampleOptions, Existing),
    "compare": (CompareOptions, Existing),
    "doctor": (DoctorOptions, Existing),
    "split": (SplitOptions, Existing),
    "seams": (SeamsOptions, Existing),
    "rasterize": (RasterizeOptions, Existing),
}
HEAD = """# Options

Every option stands here once, as it is declared; its name is a keyword in Python, a line in `config.yaml` and, with
hyphens, a flag of the command line. `densa compare` takes options of `densa train`, too.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for verb, groups in VERBS.items():
        parts += [f"## densa {verb}\n", *(reference(group) for group in groups)]
    return "\n".join(parts)


def write() -> None:
    """Write options.md beside this file."""
    Path(__file__).with_name("options.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
