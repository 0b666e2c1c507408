"""
Partitions: five axioms, and the region graph
=============================================

The lecture defines a segmentation into regions after Gonzalez and Woods: a set of regions for which five statements hold.
They can be checked, and satisfied by merging regions on their adjacency graph, as in Felzenszwalb and Huttenlocher (2004)
and in the hierarchies that go back to Ward (1963).
"""

# %%
# The axioms
# ----------
# With R the image, R\ :sub:`1` to R\ :sub:`n` the regions, and P a predicate such as "the grey values span at most 60":
#
# * (a) the union of all regions is R: every pixel is in a region;
# * (b) every region is connected;
# * (c) no two regions share a pixel;
# * (d) P holds for every region;
# * (e) P does not hold for the union of two adjacent regions: none could be merged.
#
# The lecture's slides require (e) for all pairs, which would exclude two distant regions of the same colour; the textbook
# and densa require it for adjacent ones.
import time

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from densa.regions import (
    absorb_small_regions,
    boundaries,
    check,
    connected_components,
    felzenszwalb_cut,
    gradient_magnitude,
    mean_shift,
    merge_by_predicate,
    merge_tree,
    normalized_cuts,
    pixel_affinities,
    range_at_most,
    region_graph,
    region_statistics,
    slic,
    threshold_cut,
    watershed,
)


def show(axis, picture, title, regions=None, lines="thin"):
    """A picture under its title, with the regions' outlines if there are any."""
    axis.imshow(picture, cmap="gray")
    if regions is not None:
        painted = np.zeros((*regions.shape, 4))
        painted[boundaries(regions, lines)] = 1, 0.6, 0, 1
        axis.imshow(painted)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


# sphinx_gallery_thumbnail_number = 4
image = data.camera()[::4, ::4]
predicate = range_at_most(60)
basins = watershed(gradient_magnitude(image))
merge_by_predicate(region_graph(image[:9, :9], basins[:9, :9]), predicate)  # the first run may have to compile
start = time.perf_counter()
pixels = np.arange(1, image.size + 1, dtype=np.int32).reshape(image.shape)
regions = merge_by_predicate(region_graph(image, pixels), predicate)[pixels]
seconds = time.perf_counter() - start
figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
show(axes[0], image, f"input: {image.shape[1]} x {image.shape[0]} pixels")
show(axes[1], image, f"range_at_most(60), from single pixels: {regions.max()} regions, {seconds:.2f} s", regions)
show(axes[2], region_statistics(image, regions).mean[regions][..., 0], "each region's mean")
print("violations:", check(image, regions, predicate))

# %%
# It is no coincidence that the result satisfies all five. Single pixels satisfy (a) to (d); regions are merged only if P
# holds for the union, which preserves them; and when no merge is possible, (e) holds.
#
# Violations
# ----------
# The axioms, violated one after the other; the checker reports the axiom, the regions and a pixel at which it is violated
# (the circle; its regions are tinted). For (b), a distant region of similar values is given the number of the lawn: if it
# were adjacent, (e) would have been violated before.
sky, coat, lawn = regions[5, 5], regions[100, 30], regions[110, 80]

hole = regions.copy()
hole[20:35, 15:35] = 0

statistics = region_statistics(image, regions)
span = np.maximum(statistics.high, statistics.high[lawn]) - np.minimum(statistics.low, statistics.low[lawn])
alike = [k for k in statistics.present if k != lawn and span[k, 0] <= 60]
torn = np.where(regions == max(alike, key=lambda k: statistics.n_pixels[k]), lawn, regions)

masks = np.stack([regions == k for k in range(1, regions.max() + 1)])
masks[coat - 1] |= np.hypot(*(np.indices(image.shape) - np.array([98, 50])[:, None, None])) < 14

mixed = np.where(regions == coat, sky, regions)

split = regions.copy()
split[(split == sky) & (np.arange(image.shape[1]) > 90)] = regions.max() + 1
split, _ = connected_components(split)

broken = {
    "a": ("a hole", hole),
    "b": ("a far patch is lawn", torn),
    "c": ("the coat grows", masks),
    "d": ("sky and coat are one", mixed),
    "e": ("the sky is cut", split),
}
figure, axes = plt.subplots(1, 5, figsize=(13, 3), layout="constrained")
for axis, (axiom, (name, partition)) in zip(axes, broken.items(), strict=True):
    violations = check(image, partition, predicate)
    violation = next(violation for violation in violations if violation.axiom == axiom)
    show(axis, image, f"{name}: fails {', '.join(sorted({v.axiom for v in violations}))}")
    tint = np.zeros((*image.shape, 4))
    for region, shade in zip(violation.regions or (0,), ((1, 0.6, 0, 0.6), (0, 0.8, 1, 0.6)), strict=False):
        tint[partition == region if partition.ndim == 2 else partition[region - 1]] += shade
    axis.imshow(tint.clip(0, 1))
    axis.plot(*violation.place[::-1], "o", color="red", markersize=8, fillstyle="none", markeredgewidth=2)
    print(violation.message)

# %%
# The methods of the previous pages use no predicate and guarantee neither (d) nor (e); the counts show the violations for a
# threshold of grey values. All satisfy (a) and (c). Watershed and SLIC satisfy (b); mean shift joins over corners, so it
# satisfies (b) with ``connectivity=2``; a segment of a normalized cut may be in several pieces, which
# ``connected_components`` turns into separate regions.
partitions = {
    "watershed": basins,
    "mean shift": mean_shift(image, 5, 20, 10),
    "normalized cuts": normalized_cuts(pixel_affinities(image), 30),
    "SLIC": slic(image, 300, 10),
    "merged by P": regions,
}
for name, partition in partitions.items():
    failed = [violation.axiom for violation in check(image, partition, predicate)]
    counted = ", ".join(f"({axiom}) {failed.count(axiom)}" for axiom in "abcde")
    print(f"{name:16} {partition.max():5} regions; violations: {counted}")

# %%
# The region graph
# ----------------
# One node per region, one edge per pair of neighbours, with the length and the strength of their border. Counts, means,
# deviations and extremes are stored per region, so that those of a union follow without reading the pixels again. Edges are
# coloured by the distance of the mean colours: bright ones are cheap to merge.
photo = data.rocket()[40:340:2, 100:500:2]
superpixels = slic(photo, 200, 10)
start = time.perf_counter()
graph = region_graph(photo, superpixels)
seconds = time.perf_counter() - start
distances = graph.color_distances()
figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
show(axes[0], photo, f"{photo.shape[1]} x {photo.shape[0]} pixels, {superpixels.max()} superpixels", superpixels)
show(axes[1], photo, f"{len(graph.edges)} edges, {1000 * seconds:.1f} ms")
centres = np.array(
    [[0, 0], *(np.argwhere(superpixels == k).mean(axis=0)[::-1] for k in range(1, superpixels.max() + 1))]
)
for (one, other), distance in zip(graph.edges, distances, strict=True):
    shade = plt.get_cmap("plasma")(1 - min(distance / 60, 1))
    axes[1].plot(*centres[[one, other]].T, color=shade, linewidth=1.2)

# %%
# The merge tree
# --------------
# Merge the cheapest pair, update the costs around it, and repeat until one region is left: a hierarchy, which can be cut at
# any level. With Ward's cost, the increase of the total squared error, large different regions are expensive to merge; with
# the distance of the means, size has no effect. The costs indicate how many regions an image "has": they are small as long
# as noise is merged, and rise steeply when objects are.
trees = {cost: merge_tree(graph, cost) for cost in ("ward", "mean", "border")}
figure, axes = plt.subplots(2, 4, figsize=(13, 5.4), layout="constrained")
for line, cost in zip(axes, ("ward", "mean"), strict=True):
    for axis, count in zip(line, (40, 15, 6, 3), strict=True):
        merged = trees[cost].cut(n_regions=count)[superpixels]
        show(axis, photo, f'merge_tree(graph, "{cost}"), {count} regions', merged, lines="thick")

# %%
# The same tree as a diagram: the regions are side by side at the bottom, and two of them are joined at the height of their
# cost (at the height reached before, if a later merge was cheaper).
tree = merge_tree(graph, "ward")
heights = np.maximum.accumulate(tree.costs)
children = {k: [k] for k in np.flatnonzero(tree.present)}
for one, other in tree.merges:
    children[one] = children[one] + children.pop(other)
order = np.concatenate(list(children.values()))
place = {int(k): (float(i), heights[0] / 2) for i, k in enumerate(order)}
figure, axis = plt.subplots(figsize=(11, 3.6), layout="constrained")
for (one, other), height in zip(tree.merges, heights, strict=True):
    (x, y), (x2, y2) = place[one], place[other]
    axis.plot([x, x, x2, x2], [y, height, height, y2], color="tab:blue", linewidth=0.8)
    place[one] = ((x + x2) / 2, height)
for count in (40, 15, 6, 3):
    axis.axhline(np.sqrt(heights[-count] * heights[1 - count]), color="tab:orange", linewidth=0.8, linestyle="--")
    axis.text(len(order) + 1, heights[-count], f"{count} regions", color="tab:orange", fontsize=8)
axis.set(yscale="log", ylabel="Ward's cost", xlim=(-1, len(order) + 18), xticks=[])

# %%
# Other ways to merge
# -------------------
# *Thresholds* join all regions that are connected by a chain of small steps, in one pass: a slow gradient becomes one
# region, however different its ends are. *Felzenszwalb and Huttenlocher* compare an edge with the largest step inside each
# side, plus ``scale`` divided by its size for small regions: regions are fine in smooth parts, coarse in textured ones.
# *Small regions* are merged into the neighbour with the nearest mean.
fine = watershed(gradient_magnitude(photo, sigma=1))
basin_graph = region_graph(photo, fine)
small = absorb_small_regions(basin_graph, 30)[fine]
ways = {
    f"watershed: {fine.max()} regions": fine,
    "absorb_small_regions(graph, 30)": small,
    "threshold_cut(graph, 10)": threshold_cut(basin_graph, 10)[fine],
    "merge_tree(graph), cost 10": merge_tree(basin_graph).cut(cost=10)[fine],
    "felzenszwalb_cut(graph, 3000)": felzenszwalb_cut(basin_graph, 3000, min_size=30)[fine],
    "range_at_most(80)": merge_by_predicate(basin_graph, range_at_most(80))[fine],
}
figure, axes = plt.subplots(2, 3, figsize=(12, 6.6), layout="constrained")
for axis, (name, merged) in zip(axes.flat, ways.items(), strict=True):
    count = "" if merged is fine else f": {merged.max()}"
    show(axis, photo, name + count, merged)

# %%
# Comparison with scikit-image
# ----------------------------
# ``skimage.graph`` has region graphs of mean colours and of borders, the threshold cut and hierarchical merging by
# callbacks, all with networkx objects; the graph here consists of arrays, and the merge tree of thirty thousand regions
# takes a fraction of a second. Its graph joins regions over corners as well (``connectivity=2`` here). It does not check
# axioms.
