"""A network whose weights are set by hand, for tests of what is done with a trained one."""

import torch

from densa import networks
from densa.networks import UNet


def unet_of_brightness(n_bands: int, n_classes: int) -> UNet:
    """A U-Net of width 2 that tells classes by brightness, of a pixel, its neighbours and its surroundings.

    For bands normalised by powers of two, such as `BandContract(1, (), (128.0,), (64.0,))`, scores of 8-bit images are
    multiples of 1/32768, which float32 adds up exactly in any order, and never equal: every processor gives the same
    probabilities but for the softmax, and the same labels, from tiles as from the whole.
    """
    network = networks.build("unet", n_bands, n_classes, width=2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.zero_()
                module.running_var.fill_(1 - module.eps)
        for block in (*network.down, *network.merge):
            for convolution in (block[0], block[3]):
                convolution.weight[0, 0, 1, 1] = 1
        if n_bands > 1:
            network.down[0][0].weight[0, :2, 1, 1] = 0.5
        network.down[0][1].bias[0] = 2  # brightness from 0 to 4
        network.down[2][0].weight[0, 0] = 1  # sum of 3 x 3 values
        for level, merge in enumerate(network.merge):
            network.up[level].weight[0, 0] = 1
            merge[0].weight[0 if level else 1, 2 * 2**level, 1, 1] = 1  # what comes from below; at the top by itself
        network.merge[0][0].weight[0, 0] = torch.tensor([[2, 1, 0], [2, 16, 0], [2, 1, 0]])  # a mirrored image differs
        network.merge[0][3].weight[1, 1, 1, 1] = 1
        # Class k beats the one below from a threshold on, which lies between two multiples of 1/1024.
        thresholds = 55 + 1 / 2048 + 20 * torch.arange(n_classes - 1.0) - 10 * (n_classes - 2)
        for k in range(1, n_classes):
            network.head.weight[k, :, 0, 0] = k * torch.tensor([1 / 16, 1 / 128])
            network.head.bias[k] = -thresholds[:k].sum() / 16
    return network
