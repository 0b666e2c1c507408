"""Examples in the docstrings of public functions and classes: there is one, and it runs as printed."""

import doctest
import importlib
import inspect

import numpy as np
import pytest

PACKAGES = (
    "",
    "accuracy",
    "crf",
    "datasets",
    "descriptors",
    "engine",
    "engine.regions",
    "errors",
    "legend",
    "methods",
    "metrics",
    "networks",
    "operators",
    "pages",
    "raster",
    "regions",
    "reports",
    "segmenter",
    "shallow",
    "training",
)
# Names without an example, and why it would say nothing.
EXCEPTIONS = {
    "crf.Sample": "an argument of crf.tune_dense_crf, whose example makes one",
    "metrics.BoundaryCounts": "made by metrics.boundary_counts, whose example shows it",
    "metrics.BoundaryScore": "part of the result of metrics.summarize_boundaries, whose example shows it",
    "metrics.BoundarySummary": "the result of metrics.summarize_boundaries, whose example shows it",
    "metrics.FamilyAgreement": "made by metrics.family_agreement, whose example shows it",
    "metrics.BlockErrors": "part of metrics.ErrorBlocks, whose example shows it",
    "metrics.ErrorBlock": "made by metrics.ErrorBlocks, whose example shows it",
    "metrics.GroupScores": "made by metrics.Breakdown, whose example shows it",
    "metrics.Overlap": "the result of metrics.superpixel_overlap, whose example shows it",
    "metrics.PartitionScores": "the result of metrics.partition_scores, whose example shows it",
    "metrics.PartitionSummary": "the result of metrics.summarize_families, whose example shows it",
    "datasets.BandStatistics": "the result of datasets.band_statistics, whose example shows it",
    "datasets.Batch": "what samplers yield, whose examples show it",
    "engine.TilePrediction": "what engine.predict yields, whose example shows it",
    "segmenter.Sampled": "the result of segmenter.MonteCarlo.sample",
    "shallow.LabelledImages": "a protocol",
    "shallow.PixelSamples": "the result of shallow.sample_pixels, whose example shows it",
    "shallow.RegionSamples": "the result of shallow.sample_regions, whose example shows it",
}


def documented(package: str) -> dict[str, object]:
    """Public functions and classes of a package; constants and types of arguments have no docstring of their own."""
    module = importlib.import_module(f"densa.{package}".rstrip("."))
    values = {f"{package}.{name}".lstrip("."): getattr(module, name) for name in module.__all__}
    return {name: value for name, value in values.items() if inspect.isroutine(value) or inspect.isclass(value)}


DOCUMENTED = {name: value for package in PACKAGES for name, value in documented(package).items()}
WITH_EXAMPLE = [name for name, value in DOCUMENTED.items() if ">>>" in (inspect.getdoc(value) or "")]


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_the_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(DOCUMENTED[name])
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS, verbose=False)
    printed: list[str] = []
    with np.printoptions(precision=8, threshold=1000, edgeitems=3, linewidth=75, suppress=False):
        result = runner.run(example, out=printed.append)
    assert result.failed == 0, "".join(printed)


def test_public_functions_and_classes_have_examples():
    missing = {name for name in DOCUMENTED if name not in WITH_EXAMPLE}
    assert missing - EXCEPTIONS.keys() == set(), "give them an example in the docstring"
    assert EXCEPTIONS.keys() - DOCUMENTED.keys() == set(), "no longer public; remove them from the list"
    assert EXCEPTIONS.keys() & set(WITH_EXAMPLE) == set(), "they have an example now; remove them from the list"
