"""densa labels every pixel of an image: classical, shallow and deep semantic segmentation at any size."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from densa.kernel_cache import keep_kernels
from densa.machine import limit_threads

if TYPE_CHECKING:
    from densa import (
        accuracy,
        crf,
        datasets,
        descriptors,
        doctor,
        engine,
        methods,
        metrics,
        networks,
        operators,
        pages,
        raster,
        regions,
        reports,
        segmenter,
        shallow,
        training,
    )
    from densa.errors import InputError
    from densa.legend import Legend
    from densa.methods import load
    from densa.verbs.calibrate import calibrate
    from densa.verbs.compare import compare
    from densa.verbs.cross_validation.compare import cross_validate
    from densa.verbs.evaluate import evaluate
    from densa.verbs.evaluate_several import evaluate_several
    from densa.verbs.maps.card import card
    from densa.verbs.maps.sample import sample
    from densa.verbs.predict import predict
    from densa.verbs.results import LabelMap, Regions
    from densa.verbs.segment import segment
    from densa.verbs.split import split
    from densa.verbs.train import train
    from densa.verbs.wrap import wrap

# Activations of large images are fresh memory in every layer: in huge pages it costs a thirtieth of the page faults.
# torch reads this at its first allocation; nothing happens where the system has no such pages.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


keep_kernels()
limit_threads()

__all__ = [
    "InputError",
    "LabelMap",
    "Legend",
    "Regions",
    "__version__",
    "accuracy",
    "calibrate",
    "card",
    "compare",
    "crf",
    "cross_validate",
    "datasets",
    "descriptors",
    "doctor",
    "engine",
    "evaluate",
    "evaluate_several",
    "load",
    "methods",
    "metrics",
    "networks",
    "operators",
    "pages",
    "predict",
    "raster",
    "rasterize",
    "regions",
    "reports",
    "sample",
    "segment",
    "segmenter",
    "shallow",
    "split",
    "train",
    "training",
    "wrap",
]

# Imported when first used: neither `import densa` nor `densa --help` waits for numpy and torch.
_HOMES = {
    "InputError": "densa.errors",
    "LabelMap": "densa.verbs.results",
    "Legend": "densa.legend",
    "Regions": "densa.verbs.results",
    "calibrate": "densa.verbs.calibrate",
    "card": "densa.verbs.maps.card",
    "compare": "densa.verbs.compare",
    "cross_validate": "densa.verbs.cross_validation.compare",
    "evaluate": "densa.verbs.evaluate",
    "evaluate_several": "densa.verbs.evaluate_several",
    "load": "densa.methods",
    "predict": "densa.verbs.predict",
    "rasterize": "densa.verbs.maps.rasterize",
    "sample": "densa.verbs.maps.sample",
    "segment": "densa.verbs.segment",
    "split": "densa.verbs.split",
    "train": "densa.verbs.train",
    "wrap": "densa.verbs.wrap",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("densa")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"densa.{name}")
    raise AttributeError(f"module 'densa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
