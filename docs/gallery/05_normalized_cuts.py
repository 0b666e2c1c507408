"""
Normalized cuts
===============

Shi and Malik (2000): *Normalized cuts and image segmentation*. Pixels are the nodes of a graph, and the weights of its edges
are the similarities of two pixels. Segments result from cutting few and weak edges, so that each segment is strongly
connected inside. The exact problem is hard; its relaxation is an eigenproblem, whose solutions are instructive pictures.
"""

# %%
# From a photograph to segments
# -----------------------------
# Only the number of segments must be known. The lecture names the drawbacks: this number, time and memory, and a bias
# towards segments of equal size.
import time

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from densa.regions import (
    boundaries,
    ncut_eigenvectors,
    ncut_value,
    normalized_cuts,
    normalized_cuts_of_regions,
    pixel_affinities,
    recursive_cuts_of_graph,
    recursive_normalized_cuts,
    region_affinities,
    region_statistics,
    slic,
    weighted_graph,
)


def timed(method, *arguments, **options):
    """The result and the seconds."""
    start = time.perf_counter()
    result = method(*arguments, **options)
    return result, time.perf_counter() - start


def show(axis, picture, title, regions=None, cmap="gray"):
    """A picture under its title, with the regions' outlines if there are any."""
    axis.imshow(picture, cmap=cmap)
    if regions is not None:
        painted = np.zeros((*regions.shape, 4))
        painted[boundaries(regions, "thin")] = 0, 1, 1, 1
        axis.imshow(painted)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


# sphinx_gallery_thumbnail_number = 3
image = data.coffee()[::4, ::4]
normalized_cuts(pixel_affinities(image[:24, :24]), 3)  # the first run may have to compile
graph = pixel_affinities(image)
segments, seconds = timed(normalized_cuts, graph, 10)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
show(axes[0], image, f"input: {image.shape[1]} x {image.shape[0]} pixels")
show(axes[1], image, f"normalized_cuts(graph, 10): {seconds:.2f} s", segments)

# %%
# The graph
# ---------
# Every pixel is joined to those within a radius of 5; a weight decreases with the distance and with the difference of the
# two. There are three measures of difference: of the *intensity*, of the *colour*, and by *intervening contour*, the
# strongest edge that the straight line between the two crosses. The first two join the two sides of a thin line, the
# third does not; a pixel on an edge has only weak connections. Below, a pixel (the cross) and the weights of its edges.
affinities = ("intensity", "color", "contour")
graphs = {name: pixel_affinities(image, affinity=name) for name in affinities}


def weights_around(graph, row, column):
    """(9, 9) weights between a pixel and its neighbours."""
    around = np.zeros((9, 9))
    for (down, across), plane in zip(graph.offsets, graph.weights, strict=True):
        around[4 + down, 4 + across] = plane[row, column]
        around[4 - down, 4 - across] = plane[row - down, column - across]
    return around


places = {"inside the saucer's edge": (45, 116), "beside a gleam": (58, 25), "in the wood": (20, 130)}
figure, axes = plt.subplots(3, 4, figsize=(8.6, 6.8), layout="constrained")
for line, (name, (row, column)) in zip(axes, places.items(), strict=True):
    show(line[0], image[row - 4 : row + 5, column - 4 : column + 5], name)
    line[0].plot(4, 4, "+", color="red", markersize=10)
    for axis, affinity in zip(line[1:], affinities, strict=True):
        axis.imshow(weights_around(graphs[affinity], row, column), cmap="viridis", vmin=0, vmax=1)
        axis.set_title(f'affinity="{affinity}"', fontsize=9)
        axis.set_axis_off()
n_edges = np.count_nonzero(graphs["color"].weights)
print(f"{n_edges:,} edges between {image[..., 0].size:,} pixels")

# %%
# Why normalized?
# ---------------
# The minimum cut would separate single pixels, which have few edges. So the cut is divided by the total weight of each
# side, Ncut(A, B) = cut(A, B) / assoc(A, V) + cut(A, B) / assoc(B, V). Four nodes in a row, joined by weights of 1, 0.5 and
# 0.4: the minimum cut separates the last node, the minimum normalized cut halves the row.
row = weighted_graph(4, [(0, 1), (1, 2), (2, 3)], [1, 0.5, 0.4])
for sides, cut in (([1, 1, 1, 2], 0.4), ([1, 1, 2, 2], 0.5), ([1, 2, 2, 2], 1.0)):
    print(sides, f"cut {cut}, normalized {ncut_value(row, sides):.3f}")

# %%
# Eigenvectors
# ------------
# If segments may have degrees of membership, the best two are given by the eigenvector of (D − W) y = λ D y with the second
# smallest eigenvalue, further ones by the next: like the modes of a drum whose skin is stiff within objects and soft at
# their edges. They are almost constant within a segment. The first is constant everywhere and carries no information.
(values, vectors), seconds = timed(ncut_eigenvectors, graph, 9)
print(f"9 eigenvectors of {image[..., 0].size:,} nodes in {seconds:.2f} s")
figure, axes = plt.subplots(2, 4, figsize=(12, 4.3), layout="constrained")
for axis, number in zip(axes.flat, range(1, 9), strict=True):
    low, high = np.percentile(vectors[number], [1, 99])
    show(axis, np.clip(vectors[number], low, high), f"{number + 1}: {values[number]:.5f}", cmap="coolwarm")

# %%
# Two-way cuts
# ------------
# The paper splits at the value of the second eigenvector, out of ten thresholds, with the smallest normalized cut, and then
# splits the parts again, each in its own graph. It stops if the smallest cut exceeds a limit, or if the vector is not
# *stable*: if its values are spread evenly instead of forming two clusters.
second = vectors[1]
thresholds = np.linspace(second.min(), second.max(), 12)[1:-1]
cuts = [ncut_value(graph, 1 + (second > threshold)) for threshold in thresholds]
best = thresholds[int(np.argmin(cuts))]
figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
axes[0].hist(second.ravel(), 20, color="0.7")
axes[0].axvline(best, color="tab:red")
axes[0].set(title="values of the second eigenvector")
axes[1].plot(thresholds, cuts, marker="o")
axes[1].axvline(best, color="tab:red")
axes[1].set(title="normalized cut at a threshold", yscale="log")
for axis in axes[:2]:
    axis.locator_params(axis="x", nbins=4)
    axis.title.set_fontsize(9)
show(axes[2], image, f"the best: Ncut {min(cuts):.2g}", 1 + (second > best))

# %%
# Recursion, for three limits. Degrees are computed within the part, so a limit acts as a scale: later cuts have larger
# values.
figure, axes = plt.subplots(1, 3, figsize=(12, 3.1), layout="constrained")
for axis, bound in zip(axes, (0.005, 0.015, 0.03), strict=True):
    parts, seconds = timed(recursive_normalized_cuts, graph, bound, stability=1.0)
    show(axis, image, f"recursive, max_cut={bound}: {parts.max()} segments, {seconds:.2f} s", parts)

# %%
# All segments at once
# --------------------
# k eigenvectors give every pixel k coordinates. Yu and Shi (2003) rotate these until each pixel is as near as possible to
# one of the axes, its segment. Then pixels at the borders change segments as long as this lowers the cut itself
# (``refine``), which the eigenvectors only approximate. No k-way cut can be less than the sum of the k smallest eigenvalues.
figure, axes = plt.subplots(2, 3, figsize=(12, 5.8), layout="constrained")
for line, refine in zip(axes, (False, True), strict=True):
    for axis, k in zip(line, (3, 6, 9), strict=True):
        parts, seconds = timed(normalized_cuts, graph, k, refine=refine)
        title = f"k = {k}, refine={refine}: Ncut {ncut_value(graph, parts):.2g}, {seconds:.2f} s"
        show(axis, image, title, parts)
print("sums of the eigenvalues:", {k: round(float(values[:k].sum()), 4) for k in (3, 6, 9)})

# %%
# On a region graph
# -----------------
# Superpixels first, then cuts between them: hundreds of nodes instead of tens of thousands, and mean colours that are
# less noisy than pixels. The same functions cut any graph: here that of 400 superpixels of the full photograph, with the
# similarity of the mean colours as weights.
photo = data.coffee()
superpixels = slic(photo, 400)
graph, nodes = region_affinities(photo, superpixels)
cut, cut_seconds = timed(normalized_cuts_of_regions, photo, superpixels, 10)
recursive, seconds = timed(recursive_cuts_of_graph, *graph, 0.05, stability=1.0)

centres = np.array([np.argwhere(nodes == k).mean(axis=0)[::-1] for k in range(graph.n_nodes)])
figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.1), layout="constrained")
show(axes[0], region_statistics(photo, superpixels).mean[superpixels] / 255, f"{len(graph.edges)} edges by weight")
for (one, other), weight in zip(graph.edges, graph.weights, strict=True):
    axes[0].plot(*centres[[one, other]].T, color="white", linewidth=1.5 * weight)
show(axes[1], photo, f"normalized_cuts_of_regions(.., 10): {1000 * cut_seconds:.0f} ms", cut)
show(axes[2], photo, f"recursive, max_cut=0.05: {recursive.max()} segments, {1000 * seconds:.0f} ms", recursive[nodes])

# %%
# Comparison with scikit-image and scikit-learn
# ---------------------------------------------
# scikit-image cuts region graphs only, by recursive two-way cuts (``skimage.graph.cut_normalized``), with weights of
# exp(−d² / 255) for 8-bit values and a random start of its eigensolver; here no result is random.
# scikit-learn's ``spectral_clustering`` takes a sparse matrix, for which its ``img_to_graph`` joins the four
# neighbours; with all within a radius of 5, such a matrix takes several times the memory of the planes of weights used
# here. The eigenvectors come from multigrid: approximations, a few per cent above the exact values, in a time proportional
# to the number of pixels.
