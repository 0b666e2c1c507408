"""
Upsampling and transposed convolution
=====================================

Pooling and strides reduce the size of a network's maps; labels for all pixels need the full size again. This page draws the
methods of upsampling, with the numbers computed by `densa.operators`: copying, bed of nails, unpooling with switches,
bilinear interpolation, and the transposed convolution, which includes all of them and can be learned.
"""

# %%
# Without learning
# ----------------
# *Nearest* copies a value into its whole cell; the *bed of nails* leaves it at the top left and zeros around it;
# *bilinear* interpolation puts the values at the centres of their cells ("half-pixel", as in image libraries), aligns the
# corners, or keeps every value at the top left of its cell. The three conventions shift a mask by up to half a cell against
# each other: at stride 32 that is 16 pixels.
import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap

from densa.operators import (
    BilinearUpsampling,
    bed_of_nails,
    bilinear,
    bilinear_kernel,
    convolution,
    convolution_matrix,
    max_pool_with_switches,
    max_unpool,
    nearest,
    transposed_convolution,
    transposed_size,
)


def draw(axis, values, title, text="{:g}"):
    """A small matrix with its numbers."""
    axis.imshow(values, cmap="Blues", vmin=0, vmax=1.6 * max(float(values.max()), 1e-9))
    for (row, column), value in [((r, c), values[r, c]) for r in range(len(values)) for c in range(len(values[0]))]:
        axis.text(column, row, text.format(float(value)), ha="center", va="center", fontsize=8)
    axis.set_title(title, fontsize=9)
    axis.set(xticks=[], yticks=[])


small = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
figure, axes = plt.subplots(1, 6, figsize=(13, 2.6), layout="constrained")
draw(axes[0], small, "input")
draw(axes[1], nearest(small), "nearest")
draw(axes[2], bed_of_nails(small), "bed of nails")
for axis, convention in zip(axes[3:], ("half-pixel", "corners", "top-left"), strict=True):
    draw(axis, bilinear(small, convention=convention), f"bilinear, {convention}", "{:.2f}")

# %%
# Max-unpooling: record the position of the maximum
# -------------------------------------------------
# Max pooling with *switches* records the position of every maximum; unpooling puts values back there. DeconvNet and SegNet
# are based on it: the position of an edge is preserved at the cost of two bits.
before = torch.tensor([[1.0, 2, 5, 3], [4, 0, 1, 1], [7, 2, 0, 6], [1, 3, 2, 2]])
pooled, switches = max_pool_with_switches(before[None, None])
unpooled = max_unpool(pooled, switches, (4, 4))[0, 0]
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="constrained")
draw(axes[0], before, "before pooling")
draw(axes[1], pooled[0, 0], "maxima")
draw(axes[2], unpooled, "unpooled at the switches")

# %%
# Convolution is a matrix
# -----------------------
# With one row per output sample a convolution is :math:`X a`. The filter (1, 10, 100) on (2, 3, 5, 7), padded by one zero
# at each end, with strides 1 and 2:
filter_ = torch.tensor([1.0, 10, 100])
signal = torch.tensor([2.0, 3, 5, 7])
figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="constrained")
for axis, stride in zip(axes, (1, 2), strict=True):
    matrix = convolution_matrix(filter_, 6, stride=stride)
    draw(axis, matrix, f"X, stride {stride}: {tuple(matrix.shape)}")
    print(f"stride {stride}: X (0, a, 0) =", (matrix @ torch.tensor([0.0, 2, 3, 5, 7, 0])).tolist())

# %%
# Transposed convolution is its transpose
# ---------------------------------------
# :math:`X^T a` adds the filter, weighted by each input sample, to the output, at a distance of stride samples; where copies
# overlap, they are summed. It is not the inverse of the convolution but its adjoint, which computes the gradient of a
# convolution. The padding that the convolution had added is cropped at the end: slides often stop before that crop.
for stride, values in ((1, signal), (2, signal[:2])):
    painted = convolution_matrix(filter_, 6, stride=stride).T @ values
    cropped = transposed_convolution(values, filter_, stride=stride, padding=1, output_padding=stride - 1)
    print(f"stride {stride}: X^T a = {painted.tolist()}, without the padding {cropped.tolist()}")

generator = torch.Generator().manual_seed(0)
u = torch.randn(12, generator=generator, dtype=torch.float64)
kernel = torch.randn(3, generator=generator, dtype=torch.float64)
v = torch.randn(6, generator=generator, dtype=torch.float64)
forward = convolution(u, kernel, stride=2, padding=1) @ v
backward = u @ transposed_convolution(v, kernel, stride=2, padding=1, output_padding=1)
print(f"<conv(u), v> = {forward:.12f} and <u, conv^T(v)> = {backward:.12f}")

# %%
# Every output size has its padding
# ---------------------------------
# A convolution of stride 2 gives 2 samples for 3 and for 4, so its transpose must be told which of the two to return. The
# usual drawing, 2 x 2 to 4 x 4 with a 3 x 3 kernel, needs one row and column of output padding.
ones = torch.ones(3, 3)
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
draw(axes[0], small, "input")
draw(axes[1], transposed_convolution(small, ones, stride=2), f"no padding: {transposed_size(2, 3, stride=2)}")
draw(
    axes[2],
    transposed_convolution(small, ones, stride=2, padding=1),
    f"padding 1: {transposed_size(2, 3, stride=2, padding=1)}",
)
draw(
    axes[3],
    transposed_convolution(small, ones, stride=2, padding=1, output_padding=1),
    f"and output padding 1: {transposed_size(2, 3, stride=2, padding=1, output_padding=1)}",
)

# %%
# Checkerboards
# -------------
# Each output pixel is the sum of as many products as there are copies of the kernel that reach it. If the stride does not
# divide the kernel, that number changes from pixel to pixel and leaves a pattern (Odena et al. 2016); with kernel 4 and
# stride 2 it is constant.
samples = torch.ones(8, 8)
figure, axes = plt.subplots(1, 2, figsize=(6.5, 3), layout="constrained")
for axis, size in zip(axes, (3, 4), strict=True):
    counts = transposed_convolution(samples, torch.ones(size, size), stride=2)
    drawn = axis.imshow(
        counts, cmap=ListedColormap(plt.get_cmap("viridis")([0.1, 0.5, 0.75, 0.95])), vmin=0.5, vmax=4.5
    )
    axis.set_title(f"kernel {size}, stride 2", fontsize=9)
    axis.set(xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes, label="contributions", ticks=[1, 2, 3, 4])

# %%
# Bilinear interpolation, as a transposed convolution
# ---------------------------------------------------
# The kernel :math:`1 - |i - c| / f` of side :math:`2 s` interpolates bilinearly inside the map and fades out at its
# border, which FCN crops. FCN initialises its upsampling layers with it and keeps it fixed or trains it.
print("side 4:", bilinear_kernel(4)[0].div(bilinear_kernel(4)[0].max()).mul(0.75).tolist())
photo = torch.zeros(1, 1, 5, 5)
photo[0, 0, 1:4, 1:4] = torch.tensor([[1.0, 3, 2], [4, 8, 3], [2, 5, 1]])
figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
axes[0].imshow(photo[0, 0], cmap="magma")
axes[0].set_title("scores, 5 x 5", fontsize=9)
axes[1].imshow(BilinearUpsampling(1, 8)(photo)[0, 0, 4:-4, 4:-4], cmap="magma")
axes[1].set_title("8 times larger, kernel 16 x 16", fontsize=9)
axes[2].imshow(bilinear_kernel(16), cmap="magma")
axes[2].set_title("the kernel", fontsize=9)
for axis in axes:
    axis.set(xticks=[], yticks=[])
