"""Patch classification: a CNN that labels the centre pixel of a patch (Ciresan, Giusti, Gambardella, Schmidhuber 2012),
at every pixel of an image in one pass (Giusti et al. 2013, arXiv:1302.1700; Li, Zhao, Wang 2014, arXiv:1412.4526).

Convolutions are not padded, so a pixel's scores are those of its patch, at any position. For an image, every stride is
replaced by a dilation of the following layers, which gives the scores of all patches.

Departures from Ciresan et al.: ReLU instead of scaled tanh, He initialisation, batch normalisation, one network instead
of an average of several; patches are seen as they are, neither foveated (blurred with the distance from their centre)
nor sampled nonuniformly (fewer pixels further out); the scores are not calibrated by a polynomial that undoes the equal
shares of the classes in training, nor filtered by a median. Departures from Giusti et al.: an image is evaluated by
dilation; their fragments, which give the same, are in `densa.operators`. OverFeat (Sermanet et al. 2014) shifts the
last pooling alone, so its scores are coarser than pixels; here every pixel has its own patch.

Method: Patch classification (`patch-cnn`).
Source: Ciresan, Giusti, Gambardella, Schmidhuber, NIPS 2012; dense: Giusti et al. 2013, arXiv:1302.1700; Sermanet et
    al. 2014, arXiv:1312.6229.
As printed: layers, sizes and the centre pixel's label; dense evaluation equals the scan of all patches.
Departs: ReLU in place of scaled tanh, He initialisation, batch normalisation, one network in place of an average; no
    foveation, no balanced sampling of membranes, no calibration by a polynomial and median filter.
Held by: tests/networks/test_patch_cnn.py, tests/operators/test_dense_evaluation.py.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.vgg import check_normalisation
from densa.networks.network import Network
from densa.operators.dense_evaluation import dilated_form

__all__ = ["PatchCNN"]

# For each side of a patch: sides of the four kernels, each followed by 2x2 pooling, and side of the remaining map.
KERNELS = {65: (4, 4, 5, 4, 1), 95: (4, 5, 4, 4, 3)}


class PatchCNN(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H - patch_size + 1, W - patch_size + 1).

    A patch gives the scores of its centre pixel. With training crops of one patch (`patch_size` 1 of the training), it
    is the patch classifier; with larger crops, the classifier of all their patches at once.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of each convolution; the paper has 48, and 200 neurons in the dense layer, scaled in proportion.
        patch_size: side of a patch, 65 (the papers' N1 to N3) or 95 (N4).
        normalisation: "batch" after each convolution, or "none" (the paper).

    Raises:
        InputError: an argument out of range; in `forward`, other bands or an image smaller than a patch.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.PatchCNN(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 96, 80)).shape
        torch.Size([1, 5, 32, 16])
        >>> network.margin
        32
    """

    output_stride = 16

    def __init__(
        self, n_bands: int, n_classes: int, *, width: int = 48, patch_size: int = 65, normalisation: str = "batch"
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        check_normalisation(normalisation)
        if patch_size not in KERNELS:
            raise InputError(f"patch_size must be one of {', '.join(map(str, KERNELS))}, got {patch_size}")
        self.n_bands, self.n_classes, self.patch_size = n_bands, n_classes, patch_size
        self.margin = patch_size // 2
        n_neurons = max(1, round(width * 200 / 48))
        layers: list[nn.Module] = []
        n_in = n_bands
        for number, kernel in enumerate(KERNELS[patch_size]):
            n_out = width if number < 4 else n_neurons
            layers.append(nn.Conv2d(n_in, n_out, kernel))
            layers += [nn.BatchNorm2d(n_out)] if normalisation == "batch" else []
            layers.append(nn.ReLU(inplace=True))
            layers += [nn.MaxPool2d(2)] if number < 4 else []
            n_in = n_out
        layers.append(nn.Conv2d(n_neurons, n_classes, 1))
        self.layers = dilated_form(nn.Sequential(*layers))
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        if min(x.shape[-2:]) < self.patch_size:
            raise InputError(
                f"the patch network takes images of at least {self.patch_size}x{self.patch_size} pixels, got "
                f"{x.shape[-2]}x{x.shape[-1]}; mirror them at the border"
            )
        if x.shape[-2:] == (self.patch_size, self.patch_size):
            return self._of_patches(x)
        return self.layers(x)

    def _of_patches(self, x: Tensor) -> Tensor:
        """The same for single patches, (N, n_bands, size, size) to (N, n_classes, 1, 1), with the original strides."""
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                x = F.conv2d(x, layer.weight, layer.bias)
            elif isinstance(layer, nn.MaxPool2d):
                x = F.max_pool2d(x, layer.kernel_size)
            else:
                x = layer(x)
        return x


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
