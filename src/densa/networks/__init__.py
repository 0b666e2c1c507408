"""Networks for dense labelling, one file per paper: images (N, bands, H, W) to logits (N, classes, H, W).

All are subclasses of `Network`, whose attributes describe the border that the logits lack, the sizes of images and so
on.
"""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from densa.errors import InputError
from densa.networks.adapted import OWN, Adapted, adapt, from_factory
from densa.networks.bayesian_segnet import BayesianSegNet
from densa.networks.deconvnet import DeconvNet
from densa.networks.deeplab_largefov import DeepLabLargeFOV
from densa.networks.deeplabv2 import DeepLabV2
from densa.networks.deeplabv3 import DeepLabV3
from densa.networks.deeplabv3plus import DeepLabV3Plus
from densa.networks.dilated import DenseDilated6, Dilated6, Dilated6Pooling, Dilated6Rate6, Dilated8Pooling
from densa.networks.dilated_context import DilatedContext
from densa.networks.fcn import FCN8s, FCN16s, FCN32s
from densa.networks.network import Network
from densa.networks.patch_cnn import PatchCNN
from densa.networks.segnet import SegNet
from densa.networks.segnet_basic import SegNetBasic
from densa.networks.unet import UNet, UNetValid
from densa.networks.unet_encoded import EncodedUNet

__all__ = [
    "NETWORKS",
    "Adapted",
    "BayesianSegNet",
    "DeconvNet",
    "DeepLabLargeFOV",
    "DeepLabV2",
    "DeepLabV3",
    "DeepLabV3Plus",
    "DenseDilated6",
    "Dilated6",
    "Dilated6Pooling",
    "Dilated6Rate6",
    "Dilated8Pooling",
    "DilatedContext",
    "EncodedUNet",
    "FCN8s",
    "FCN16s",
    "FCN32s",
    "Network",
    "PatchCNN",
    "SegNet",
    "SegNetBasic",
    "UNet",
    "UNetValid",
    "adapt",
    "build",
    "builder",
    "from_factory",
]

NETWORKS: dict[str, type[Network]] = {
    "patch-cnn": PatchCNN,
    "fcn32s": FCN32s,
    "fcn16s": FCN16s,
    "fcn8s": FCN8s,
    "deconvnet": DeconvNet,
    "segnet": SegNet,
    "segnet-basic": SegNetBasic,
    "bayesian-segnet": BayesianSegNet,
    "deeplab-largefov": DeepLabLargeFOV,
    "deeplabv2-aspp": DeepLabV2,
    "deeplabv3": DeepLabV3,
    "deeplabv3plus": DeepLabV3Plus,
    "dilated-context": DilatedContext,
    "dilated6": Dilated6,
    "dilated6-rate6": Dilated6Rate6,
    "dense-dilated6": DenseDilated6,
    "dilated6-pooling": Dilated6Pooling,
    "dilated8-pooling": Dilated8Pooling,
    "unet": UNet,
    "unet-valid": UNetValid,
}

WITH_ENCODER: dict[str, type[Network]] = {"unet": EncodedUNet}
"""Networks that are built on a classifier's encoder where the argument `encoder` names one."""


def build(name: str, n_bands: int, n_classes: int, **arguments: Any) -> Network:
    """Build a network of `NETWORKS` with initial weights.

    Args:
        name: a key of `NETWORKS`.
        n_bands: bands of the images.
        n_classes: number of classes.
        arguments: further arguments of the network's class, such as `width`.

    Raises:
        InputError: an unknown name or argument, or an argument out of range.

    Examples:
        >>> from densa import networks
        >>> network = networks.build("unet", 4, 6, width=2)
        >>> type(network).__name__, network.n_bands, network.n_classes
        ('UNet', 4, 6)
        >>> networks.build("unett", 4, 6)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: unknown network 'unett'; did you mean unet or segnet or unet-valid?
    """
    if name.startswith(OWN):
        raise InputError(f"the network {name.removeprefix(OWN)} is not densa's and has no factory; give it as `module`")
    if ":" in name:
        raise InputError(
            f"the network {name} is made by code that is not densa's, which runs when it is imported; allow it with "
            f"factories={name.partition(':')[0]!r}"
        )
    if name == "ensemble":
        raise InputError("an ensemble is not trained: train its models, then `densa ensemble RUN RUN... -o FOLDER`")
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=3, cutoff=0.4)
        mend = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(sorted(NETWORKS))}"
        raise InputError(f"unknown network {name!r}; {mend}")
    network = WITH_ENCODER.get(name, NETWORKS[name]) if arguments.get("encoder") else NETWORKS[name]
    known = list(inspect.signature(network).parameters)[2:]
    if unknown := [key for key in arguments if key not in known]:
        raise InputError(f"network {name} has no argument {unknown[0]!r}; it has {', '.join(known)}")
    return network(n_bands, n_classes, **arguments)


def builder(factories: Sequence[str] | str = (), module: nn.Module | None = None) -> Callable[..., Network]:
    """A function like `build` that also makes networks that are not densa's.

    Args:
        factories: packages or modules whose functions may be imported, "mynets" for "mynets.fpn:make".
        module: the network of a name without a factory.

    Examples:
        >>> from densa import networks
        >>> build = networks.builder()
        >>> build("unet", 3, 2, width=1).n_classes
        2
        >>> build("mynets:make", 3, 2)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: the network mynets:make is made by code that is not densa's, ...
    """
    allowed = (factories,) if isinstance(factories, str) else tuple(factories)

    def build_any(name: str, n_bands: int, n_classes: int, **arguments: Any) -> Network:
        if name.startswith(OWN) and module is not None:
            return adapt(copy.deepcopy(module), n_bands)
        place = name.partition(":")[0]
        if ":" in name and any(place == one or place.startswith(f"{one}.") for one in allowed):
            return from_factory(name, n_bands, n_classes, **arguments)
        return build(name, n_bands, n_classes, **arguments)

    return build_any
