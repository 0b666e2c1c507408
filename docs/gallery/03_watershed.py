"""
Watershed
=========

Beucher and Meyer (1993) and Meyer (1994): *The morphological approach to segmentation: the watershed transformation*.
An image is a landscape whose altitudes are its grey values. Water rises from the bottoms; where the lakes of two
bottoms meet, their regions end. What the lecture calls a catchment basin is the region, and the watershed is the line
between.
"""

# %%
# From a photograph to regions
# ----------------------------
# The relief that is flooded is usually not the photograph but its *gradient magnitude*, in which homogeneous objects are
# valleys and their outlines ridges. The floods start from *markers*; here, from two kinds of pixels whose class is certain:
# very bright ones are coin, very dark ones are ground.
import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LightSource
from skimage import data, segmentation

from densa.regions import (
    area_closing,
    boundaries,
    connected_components,
    fill_minima,
    gradient_magnitude,
    h_minima,
    label_minima,
    watershed,
)


def timed(method, *arguments, **options):
    """The result, and the seconds of the quickest of some runs: the first may have to compile."""
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        result = method(*arguments, **options)
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def show(axis, picture, title, regions=None, cmap="gray", lines="thin"):
    """A picture under its title, with the regions' outlines if there are any."""
    axis.imshow(picture, cmap=cmap)
    if regions is not None:
        painted = np.zeros((*regions.shape, 4))
        painted[boundaries(regions, lines)] = 1, 0.5, 0, 1
        axis.imshow(painted)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


# sphinx_gallery_thumbnail_number = 3
image = data.coins()
relief = gradient_magnitude(image)
markers = np.zeros(image.shape, np.int32)
markers[image < 30] = 1
markers[image > 150] = 2
result, seconds = timed(watershed, relief, markers)

figure, axes = plt.subplots(2, 2, figsize=(10, 8.2), layout="constrained")
show(axes[0, 0], image, "input: 384 x 303 pixels")
show(axes[0, 1], relief, "relief: gradient_magnitude(image), Sobel", cmap="magma")
show(axes[1, 0], markers, "markers: 0 (unknown), 1 below 30, 2 above 150", cmap="viridis")
show(axes[1, 1], image, f"watershed(relief, markers): {1000 * seconds:.1f} ms", result, lines="thick")

# %%
# The pixels with the value 2 form one connected piece per coin, and a speck of noise that was bright enough for a marker:
pieces, n_pieces = connected_components(result == 2)
print(f"{n_pieces} pieces, of pixels:", np.sort(np.bincount(pieces.ravel())[1:]))

# %%
# Altitude
# --------
# The relief of one coin. The lecture distinguishes three kinds of points: *regional minima* (from which no drop of water
# can run down), points from which every drop reaches the same minimum (its *catchment basin*), and points from which drops
# may reach several (the *watershed*). The ridge around the coin is the wanted outline; the minima come from the relief on
# the coin and from noise. Minima in basins less than 3 deep are filled here, so that the landscape can be drawn.
coin = image[4:74, 302:372]
slopes = gradient_magnitude(coin, sigma=2)
ground = fill_minima(slopes, 3)
minima = label_minima(ground)
rows, columns = np.mgrid[: coin.shape[0], : coin.shape[1]]


def terrain(values):
    """Altitudes as colours (H, W, 3): dark valleys, bright ridges."""
    return plt.get_cmap("copper")(0.15 + 0.85 * values / values.max())[..., :3]


def surface(axis, altitude, colors, title):
    """A landscape with the `colors` of its pixels, seen from above its lower left corner."""
    lit = LightSource(225, 50).shade_rgb(colors, altitude, vert_exag=0.5, blend_mode="soft")
    axis.plot_surface(
        columns, rows[::-1], altitude, facecolors=lit, rstride=1, cstride=1, linewidth=0, antialiased=False, shade=False
    )
    axis.set_zlim(0, ground.max())
    axis.set_box_aspect((1, 1, 0.45), zoom=1.25)
    axis.view_init(elev=50, azim=-65)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def bottoms(numbers):
    """Columns and rows of the minima's middles."""
    return np.transpose([np.argwhere(numbers == k).mean(axis=0)[::-1] for k in range(1, numbers.max() + 1)])


all_minima = label_minima(slopes)
figure = plt.figure(figsize=(11, 3.9), layout="constrained")
axes = [figure.add_subplot(1, 3, 1), figure.add_subplot(1, 3, 2), figure.add_subplot(1, 3, 3, projection="3d")]
show(axes[0], coin, "input, 70 x 70 pixels")
show(axes[1], slopes, f"gradient, sigma=2: {all_minima.max()} minima, {minima.max()} after filling", cmap="copper")
axes[1].plot(*bottoms(all_minima), ".", color="deepskyblue", markersize=3)
axes[1].plot(*bottoms(minima), "o", color="white", markersize=5)
surface(axes[2], ground, terrain(ground), "as a landscape")

# %%
# Flooding
# --------
# Water rises from every minimum, at the same level everywhere; pixels below the level belong to the lake that has reached
# them, and a wall is built where two lakes touch. At the end the whole landscape is under water: every pixel is in a region.
# (The state *at* a level is the watershed of the pixels up to that level, given as a mask.)
lake_colors = plt.get_cmap("tab20")(np.arange(minima.max()) % 20)[:, :3]
figure = plt.figure(figsize=(12, 6.2), layout="constrained")
for i, level in enumerate(np.quantile(ground, [0.3, 0.6, 0.85, 1])):
    lakes = watershed(ground, minima, mask=ground <= level)
    painted = np.where((lakes > 0)[..., None], lake_colors[lakes - 1], terrain(ground))
    surface(
        figure.add_subplot(2, 4, i + 1, projection="3d"), np.maximum(ground, level), painted, f"water at {level:.1f}"
    )
    show(figure.add_subplot(2, 4, i + 5), painted, f"{100 * (lakes > 0).mean():.0f} % of the pixels in a lake")

# %%
# Who is first?
# -------------
# The pixels that the water reaches wait in a queue ordered by level and, at one level, by age: first in, first out, so
# that a plateau is divided by distance. The level is that of the pixel or of the flood, whichever is higher: a flood
# never goes down again. Markers of equal value flood in raster order. Two markers at the ends of a row:
for row in ([0, 5, 5, 5, 5, 0], [0, 1, 2, 9, 3, 0], [9, 7, 1, 7, 8, 9]):
    ends = np.array([[1, 0, 0, 0, 0, 2]])
    plain = watershed(np.array([row]), ends)[0]
    lined = watershed(np.array([row]), ends, watershed_line=True)[0]
    print("altitudes", row, " regions", plain, " with line", lined)

# %%
# Over-segmentation
# -----------------
# Flooded from *all* minima, a photograph is divided into thousands of regions: each minimum of the noise is a basin. The
# remedies, from the weakest to the strongest:
#
# * **smooth** before the gradient is taken (``sigma``): ridges become wide and move;
# * **h-minima**: flood only from basins at least ``depth`` deep (``h_minima``), or fill the others first
#   (``fill_minima``). The two differ if a basin has several minima of the same altitude, such as the zeros of a flat sky:
#   each of them is a marker for the first, all are one basin for the second;
# * **area**: fill basins until they have a given area (``area_closing``): small details vanish, however deep;
# * **markers**: give the positions of the objects, by hand, by a threshold as above, or by another method.
photo = data.camera()[::2, ::2]
raw = gradient_magnitude(photo)
wide = gradient_magnitude(photo, sigma=2)
deep, _ = connected_components(h_minima(raw, 6))
methods = {
    "all minima of the Sobel gradient": (raw, None),
    "sigma=2": (wide, None),
    "markers: h_minima(relief, 6)": (raw, deep),
    "fill_minima(relief, 6)": (fill_minima(raw, 6), None),
    "area_closing(relief, 60)": (area_closing(raw, 60), None),
    "sigma=2 and fill_minima(relief, 2)": (fill_minima(wide, 2), None),
}
figure, axes = plt.subplots(2, 3, figsize=(11, 8), layout="constrained")
for axis, (name, (altitudes, seeds)) in zip(axes.flat, methods.items(), strict=True):
    regions, seconds = timed(watershed, altitudes, seeds)
    show(axis, photo, f"{name}\n{regions.max()} regions, {1000 * seconds:.1f} ms", regions)

# %%
# Depth and area are scales: the number of regions falls steadily, and no depth is the "right" one. The two differ in the
# basins that vanish first: the shallow ones, or the small ones.
depths, areas = [0.5, 1, 2, 4, 6, 8, 12, 16, 24, 32], [2, 5, 10, 20, 40, 80, 160, 320, 640, 1280]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
axes[0].plot(depths, [label_minima(fill_minima(raw, depth)).max() for depth in depths], marker="o")
axes[0].set(xlabel="depth in grey values per pixel", ylabel="minima that are left", yscale="log", xscale="log")
axes[1].plot(areas, [label_minima(area_closing(raw, area)).max() for area in areas], marker="o")
axes[1].set(xlabel="area in pixels", xscale="log")
for axis in axes:
    axis.grid(alpha=0.3)

# %%
# Lines, and compact regions
# --------------------------
# With ``watershed_line=True`` the line itself is drawn, as in Meyer's algorithm: a pixel with two labels around it stays 0
# and floods nothing, so the regions no longer cover the image (axiom (a) of the following pages is violated on the line).
# With ``compactness`` the distance to the marker is added to the altitude (Neubert & Protzel 2014), which gives
# superpixels from a grid of markers.
filled = fill_minima(wide, 2)
figure, axes = plt.subplots(1, 3, figsize=(11, 4.2), layout="constrained")
lined, seconds = timed(watershed, filled, watershed_line=True)
show(axes[0], lined == 0, f"watershed_line=True: the line, {1000 * seconds:.0f} ms")
for axis, compactness in zip(axes[1:], (0, 1), strict=True):
    regions, seconds = timed(watershed, raw, 400, compactness=compactness)
    show(axis, photo, f"markers=400, compactness={compactness}: {1000 * seconds:.0f} ms", regions)

# %%
# Comparison with scikit-image
# ----------------------------
# In scikit-image, markers of equal value flood in the order in which its binary heap happens to return them. With
# ``ties="scikit-image"`` the labels are those of ``skimage.segmentation.watershed``, pixel for pixel, compactness and
# (with ``watershed_line="scikit-image"``) lines included. Those lines are not Meyer's: a flood passes through a line
# pixel. By default, in raster order, some differ where such floods meet, and large images are flooded 6
# to 11 times as fast (see the benchmarks). Images have two dimensions only, and a constant image is one region, not
# none.
variants = {"minima": {}, "line": {"watershed_line": "scikit-image"}, "400 compact": {"markers": 400, "compactness": 1}}
for name, options in variants.items():
    ours, quick = timed(watershed, raw, **options)
    same, slower = timed(watershed, raw, ties="scikit-image", **options)
    of_theirs = options | ({"watershed_line": True} if "watershed_line" in options else {})
    theirs, slow = timed(segmentation.watershed, raw, **of_theirs)
    print(f"{name:12} {np.count_nonzero(ours != theirs)} of {raw.size} pixels differ; {1000 * quick:.1f} ms")
    print(f'  ties="scikit-image": {np.count_nonzero(same != theirs)} differ; {1000 * slower:.1f} ms')
    print(f"  scikit-image: {1000 * slow:.1f} ms")
