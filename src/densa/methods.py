"""The table of methods, and functions that load, combine and describe models by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from densa.errors import InputError
from densa.networks import build, builder
from densa.operators import receptive_field
from densa.progress import Progress
from densa.segmenter import (
    ForestDescription,
    ModelDescription,
    Segmenter,
    load_segmenter,
    model_format,
    read_calibration,
    read_ensemble,
    read_forest,
    read_model,
    save_ensemble,
)

__all__ = [
    "METHODS",
    "Method",
    "describe",
    "describe_run",
    "ensemble",
    "load",
]


@dataclass(frozen=True)
class Method:
    """One method, as listed by `densa models`.

    Examples:
        >>> from densa import methods
        >>> methods.METHODS["slic"].kind
        'regions'
    """

    name: str
    kind: Literal["network", "shallow", "regions", "ensemble"]
    summary: str
    source: str


METHODS = {
    method.name: method
    for method in (
        Method("slic", "regions", "compact superpixels of similar colour", "Achanta et al. 2012"),
        Method("watershed", "regions", "flooding of the gradient from markers or minima", "Meyer 1991"),
        Method("mean-shift", "regions", "pixels that climb to the same mode", "Comaniciu and Meer 2002"),
        Method("normalized-cuts", "regions", "cuts of the graph of similar pixels or regions", "Shi and Malik 2000"),
        Method("components", "regions", "connected pixels of equal values", "Rosenfeld and Pfaltz 1966"),
        Method("relabel", "regions", "labels numbered from 1 by their first pixel", ""),
        Method("patch-cnn", "network", "labels the centre pixel of a patch; evaluated densely", "Sermanet 2013"),
        Method("fcn32s", "network", "VGG-16 made convolutional, scores upsampled 32 times", "Long et al. 2015"),
        Method("fcn16s", "network", "FCN-32s with the scores of pool4", "Long et al. 2015"),
        Method("fcn8s", "network", "FCN-16s with the scores of pool3", "Long et al. 2015"),
        Method("deconvnet", "network", "VGG-16 mirrored by unpooling and deconvolution", "Noh et al. 2015"),
        Method("unet", "network", "U-Net, padded, with batch normalisation", "Ronneberger et al. 2015"),
        Method(
            "unet-valid", "network", "U-Net as printed: valid convolutions, overlap-tile", "Ronneberger et al. 2015"
        ),
        Method("segnet", "network", "decoder that unpools with the encoder's indices", "Badrinarayanan et al. 2017"),
        Method("segnet-basic", "network", "SegNet of four 7x7 levels, no ReLU up", "Badrinarayanan et al. 2017"),
        Method("bayesian-segnet", "network", "SegNet with Monte-Carlo dropout: uncertainty", "Kendall et al. 2017"),
        Method("deeplab-largefov", "network", "VGG-16 dilated, scores at an eighth", "Chen et al. 2015"),
        Method("deeplabv2-aspp", "network", "sum of scores dilated at four rates, on ResNet-101", "Chen et al. 2018"),
        Method("deeplabv3", "network", "ASPP with image pooling on a dilated ResNet-101", "Chen et al. 2017"),
        Method("deeplabv3plus", "network", "DeepLabv3 with a decoder, on any encoder", "Chen et al. 2018"),
        Method("dilated-context", "network", "dilated front end, context module on its scores", "Yu and Koltun 2016"),
        Method("dilated6", "network", "six dilated layers, no stride: any patch size", "Nogueira et al. 2019"),
        Method("dilated6-rate6", "network", "Dilated6 with the rates 1 to 6", "Nogueira et al. 2019"),
        Method("dense-dilated6", "network", "rates 1 to 6, each layer fed by all before", "Nogueira et al. 2019"),
        Method("dilated6-pooling", "network", "rates 1 to 6, maxima of stride 1", "Nogueira et al. 2019"),
        Method("dilated8-pooling", "network", "rates 1 to 8, maxima of stride 1", "Nogueira et al. 2019"),
        Method("pixel-forest", "shallow", "random forest on features of pixels", "Breiman 2001"),
        Method("pixel-boosting", "shallow", "boosted trees on features of pixels", "Friedman 2001"),
        Method("region-forest", "shallow", "random forest on superpixels and their neighbours", "Zhang et al. 2010"),
        Method("region-boosting", "shallow", "boosted trees on superpixels and their neighbours", "Gould et al. 2009"),
        Method("structured-forest", "shallow", "trees whose leaves hold label patches", "Kontschieder et al. 2011"),
        Method("ensemble", "ensemble", "trained models of one legend, combined", "Noh et al. 2015 (EDeconvNet)"),
    )
}


def load(
    folder: Path | str,
    *,
    device: str = "auto",
    precision: str = "auto",
    factories: Sequence[str] | str = (),
    module: nn.Module | None = None,
) -> Segmenter:
    """Load a trained model.

    Args:
        folder: a model folder or a run folder, which contains `model.json`.
        device: "auto", "cpu" or "cuda".
        precision: "auto" (bfloat16 if the processor supports it and becomes faster), "float32" or "bfloat16".
        factories: packages or modules whose functions may make networks that are not densa's: the folder names such a
            function, and importing it runs its code.
        module: the network that a folder without a factory was trained with; gets its weights.

    Raises:
        InputError: no model in the folder, files that are not a densa model, or a network of code that is not allowed.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> from densa import methods
        >>> methods.load("model").legend.class_names
        ('ground', 'roof')
    """
    return load_segmenter(folder, builder(factories, module), device=device, precision=precision)


def ensemble(
    models: Sequence[Path | str],
    folder: Path | str,
    *,
    weights: Sequence[float] | None = None,
    combine: str = "mean",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Combine trained models into one: a folder with copies of them, which `load` reads.

    Args:
        models: run or model folders with the same names of classes and bands, in the same order.
        folder: the new model folder.
        weights: one positive number per model; None for 1 each.
        combine: "mean" of the probabilities or renormalised "product"; see `densa.segmenter.Ensemble`.
        overwrite: replace an existing ensemble.
        progress: called with (models checked, models in all).

    Raises:
        InputError: models that cannot be loaded or do not fit together, or a folder that exists.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> from densa import methods
        >>> methods.ensemble(["model", "model"], "both")
        >>> len(methods.load("both").members)
        2
    """
    checked = 0

    def check(model: Path) -> Segmenter:
        nonlocal checked
        segmenter = load(model, device="cpu", precision="float32")
        checked += 1
        if progress:
            progress(checked, len(models))
        return segmenter

    save_ensemble(folder, models, load=check, weights=weights, combine=combine, overwrite=overwrite)


def describe(name: str, n_bands: int, n_classes: int, *, width: int | None = None) -> dict[str, Any]:
    """Size and receptive field of an untrained network, computed without allocating it.

    Returns:
        `parameters`, `model_megabytes` (float32 weights and buffers, 10^6 bytes), `receptive_field` (pixels), `halo`,
        `stride`, `output_stride`, and the arguments.

    Raises:
        InputError: an unknown name, or numbers that the network cannot have.

    Examples:
        >>> from densa import methods
        >>> found = methods.describe("segnet", 3, 12)
        >>> found["parameters"], found["stride"]
        (29449932, 32)
    """
    if name in METHODS and METHODS[name].kind != "network":
        raise InputError(
            f"name must be a network, got {name}, which has no fixed size; give a network or the folder of a model"
        )
    arguments = {} if width is None else {"width": width}
    with torch.device("meta"):
        network = build(name, n_bands, n_classes, **arguments)
    field = receptive_field(network, n_bands)
    tensors = network.state_dict().values()
    return {
        "name": name,
        "source": METHODS[name].source,
        "bands": n_bands,
        "classes": n_classes,
        **arguments,
        "parameters": sum(p.numel() for p in network.parameters()),
        "receptive_field": field.size,
        "halo": field.local_halo,
        "stride": field.stride,
        "output_stride": network.output_stride,
        "whole_image": field.whole_image,
        "model_megabytes": round(sum(t.numel() * t.element_size() for t in tensors) / 1e6, 3),
    }


def describe_run(folder: Path | str) -> dict[str, Any]:
    """Input contract and training record of a run or model folder.

    Raises:
        InputError: the folder does not contain a densa model.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> from densa import methods
        >>> found = methods.describe_run("model")
        >>> found["classes"], found["stride"]
        (['ground', 'roof'], 32)
    """
    folder = Path(folder)
    found = _DESCRIPTIONS[model_format(folder)](folder)
    stored = read_calibration(folder)
    return found if stored is None else found | {"calibration": str(stored)}


def _describe_network(folder: Path) -> dict[str, Any]:
    model = read_model(folder)
    name, arguments = model.architecture.name, model.architecture.arguments
    with torch.device("meta"):
        network = build(name, model.bands.n_bands, model.legend.n_classes, **arguments)
    return {
        "folder": str(folder),
        "architecture": asdict(model.architecture),
        "source": METHODS[name].source,
        "parameters": sum(p.numel() for p in network.parameters()),
        "receptive_field": model.receptive_field.get("size"),
        **_describe_file(folder, model),
    }


def _describe_file(folder: Path, model: ModelDescription | ForestDescription) -> dict[str, Any]:
    """The description that networks and forests share."""
    return {
        "halo": model.halo,
        "stride": model.stride,
        "model_megabytes": round((folder / "model.safetensors").stat().st_size / 1e6, 3),
        "classes": list(model.legend.class_names),
        "legend": model.legend.to_dict(),
        "input": asdict(model.bands),
        "training": model.training,
    }


def _describe_ensemble(folder: Path) -> dict[str, Any]:
    model = read_ensemble(folder)
    members = [describe_run(member) for member in model.members]
    stride = math.lcm(*(member["stride"] for member in members))
    return {
        "folder": str(folder),
        "architecture": {"name": "ensemble", "combine": model.combine},
        "source": METHODS["ensemble"].source,
        "members": {
            path.name: {"network": member["architecture"]["name"], "weight": weight}
            for path, member, weight in zip(model.members, members, model.weights, strict=True)
        },
        "parameters": sum(member["parameters"] for member in members),
        "halo": math.ceil(max(member["halo"] for member in members) / stride) * stride,
        "stride": stride,
        "model_megabytes": round(sum(member["model_megabytes"] for member in members), 3),
        **{key: members[0][key] for key in ("classes", "legend", "input")},
    }


def _describe_forest(folder: Path) -> dict[str, Any]:
    model = read_forest(folder)
    return {
        "folder": str(folder),
        "architecture": {"name": model.method, "combine": model.combine},
        "source": METHODS[model.method].source if model.method in METHODS else "",
        "trees": model.n_trees,
        "nodes": model.n_nodes,
        "parameters": model.n_nodes,
        "features": len(model.features.names(model.bands.n_bands)),
        **_describe_file(folder, model),
    }


_DESCRIPTIONS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "densa-network": _describe_network,
    "densa-ensemble": _describe_ensemble,
    "densa-forest": _describe_forest,
}
