"""Networks that are not densa's: a small ResNet with a feature pyramid, and a tiny transformer."""

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(n_out)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.short = nn.Conv2d(n_in, n_out, 1, stride=2)
        self.act = nn.Hardswish(inplace=True)  # as LRASPP has it

    def forward(self, x):
        return self.act(self.norm(self.second(self.act(self.first(x)))) + self.short(x))


class ResNetFPN(nn.Module):
    """Scores at half the size, the sum of a pyramid that `torch.stack` joins, as in smp's FPN."""

    def __init__(self, n_bands, n_classes, width=4):
        super().__init__()
        self.stages = nn.ModuleList(Residual(i, o) for i, o in ((n_bands, width), (width, width), (width, width)))
        self.lateral = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(3))
        self.head = nn.Conv2d(width, n_classes, 1)

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        size = features[0].shape[-2:]
        pyramid = [
            F.interpolate(lateral(f), size=size, mode="bilinear")
            for lateral, f in zip(self.lateral, features, strict=True)
        ]
        return {"out": self.head(torch.stack(pyramid).sum(dim=0))}  # a mapping, as torchvision's networks give


class TinyTransformer(nn.Module):
    """Attention over all patches of 8 x 8 pixels; scores at an eighth of the size."""

    def __init__(self, n_bands, n_classes, width=8):
        super().__init__()
        self.embed = nn.Conv2d(n_bands, width, 8, stride=8)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.head = nn.Conv2d(width, n_classes, 1)

    def forward(self, x):
        x = self.embed(x)
        n, width, height, columns = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        tokens = tokens + self.attend(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(tokens.transpose(1, 2).reshape(n, width, height, columns))


def make_fpn(n_bands, n_classes, width=4):
    return ResNetFPN(n_bands, n_classes, width)
