"""
SLIC superpixels
================

Achanta, Shaji, Smith, Lucchi, Fua and Süsstrunk (2012): *SLIC superpixels compared to state-of-the-art superpixel
methods*. Superpixels are not objects: they are small regions of about the same size and of uniform colour whose borders
follow those of the image, so that later steps process hundreds of them instead of hundreds of thousands of pixels. SLIC is
a k-means clustering in which centres are compared with pixels in their surroundings only.
"""

# %%
# From a photograph to superpixels
# --------------------------------
# The parameters are the wanted number K and the compactness m. K centres on a grid over N pixels are a step of
# S = √(N / K) apart.
import time

import matplotlib.pyplot as plt
import numpy as np
from skimage import color, data, segmentation

from densa.regions import boundaries, connected_components, region_statistics, slic


def timed(method, *arguments, **options):
    """The result, and the seconds of the quickest of some runs: the first may have to compile."""
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        result = method(*arguments, **options)
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def show(axis, picture, title, regions=None, cmap="gray"):
    """A picture under its title, with the regions' outlines if there are any."""
    axis.imshow(picture, cmap=cmap)
    if regions is not None:
        painted = np.zeros((*regions.shape, 4))
        painted[boundaries(regions, "thin")] = 0, 1, 1, 1
        axis.imshow(painted)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


image = data.astronaut()[:320, :320]
superpixels, seconds = timed(slic, image, 256, 10)
figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
show(axes[0], image, f"input: {image.shape[1]} x {image.shape[0]} pixels")
show(axes[1], image, f"slic(image, 256, 10): {superpixels.max()} superpixels, {1000 * seconds:.1f} ms", superpixels)
show(axes[2], region_statistics(image, superpixels).mean[superpixels] / 255, "each in its mean colour")

# %%
# One centre and its window
# -------------------------
# A pixel and a centre differ by D = √(d_c² + (d_s / S)² m²): the colour distance in CIELAB, and the distance in the
# plane, of which one step S counts as much as m units of colour. A centre is compared only with the pixels of a window of
# 2S x 2S around it, so that the cost does not grow with K. (The lecture's slides initialise the distances with minus
# infinity, with which no pixel would ever be assigned; it must be plus infinity.)
K = 64
step = np.sqrt(image.shape[0] * image.shape[1] / K)
rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
seeds = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"), axis=-1).reshape(-1, 2) * step + (step - 1) / 2
seed = seeds[8 * 3 + 5]
lab = color.rgb2lab(image)
in_color = np.linalg.norm(lab - lab[int(seed[0]), int(seed[1])], axis=2)
in_place = np.hypot(rows - seed[0], columns - seed[1])
window = (slice(int(seed[0] - step), int(seed[0] + step)), slice(int(seed[1] - step), int(seed[1] + step)))

figure, axes = plt.subplots(1, 5, figsize=(13, 3), layout="constrained")
show(axes[0], image, f"K = {K}: seeds at a step of S = {step:.0f} px")
axes[0].plot(seeds[:, 1], seeds[:, 0], ".", color="cyan", markersize=4)
corner = seed[::-1] - step
axes[0].add_patch(plt.Rectangle(corner, 2 * step, 2 * step, fill=False, color="yellow", linewidth=1.5))
axes[0].plot(*seed[::-1], "o", color="yellow", markersize=5)
pictures = {"colour distance": in_color, "distance in the plane": in_place}
for m in (10, 40):
    pictures[f"D, m = {m}"] = np.sqrt(in_color**2 + (in_place / step * m) ** 2)
for axis, (name, distance) in zip(axes[1:], pictures.items(), strict=True):
    show(axis, distance[window], name, cmap="viridis_r")

# %%
# From the grid to superpixels
# ----------------------------
# Assign every pixel to the nearest centre, move every centre to the mean of its pixels, and repeat. The seeds start at the
# smallest gradient of their 3 x 3 pixels, so that none is on an edge. Most changes happen in the first rounds; the paper
# uses ten. The lines are the tracks of the centres.
figure, axes = plt.subplots(1, 4, figsize=(12.5, 3.6), layout="constrained")
track = [seeds]
for rounds in range(1, 11):
    won = slic(image, K, 10, n_iterations=rounds, enforce_connectivity=False)
    pixels = np.maximum(np.bincount(won.ravel(), minlength=K + 1)[1:], 1)[:, None]
    sums = [np.bincount(won.ravel(), where.ravel(), minlength=K + 1)[1:] for where in (rows, columns)]
    track.append(np.transpose(sums) / pixels)
    if rounds in (1, 3, 10):
        axis = axes[[1, 3, 10].index(rounds)]
        show(axis, image, f"n_iterations={rounds}", won)
        axis.plot(track[-1][:, 1], track[-1][:, 0], ".", color="yellow", markersize=4)
show(axes[3], image // 2 + 127, "ten rounds: the centres' tracks")
axes[3].plot(np.array(track)[:, :, 1], np.array(track)[:, :, 0], color="tab:blue", linewidth=1)
axes[3].plot(track[-1][:, 1], track[-1][:, 0], ".", color="tab:red", markersize=4)

# %%
# How many, how compact
# ---------------------
# m weights position against colour. Superpixels with a small m follow every edge and are ragged; with a large m they are
# nearly square and cross weak edges. Useful values are 1 to 40 for photographs in CIELAB; for other images they depend on
# the range of the values.
part = image[:200, 100:300]
figure, axes = plt.subplots(3, 3, figsize=(9.6, 10), layout="constrained")
for line, count in zip(axes, (50, 200, 800), strict=True):
    for axis, m in zip(line, (2, 10, 40), strict=True):
        found, seconds = timed(slic, part, count, m)
        show(axis, part, f"K = {count}, m = {m}: {found.max()}, {1000 * seconds:.1f} ms", found)

# %%
# What superpixels lose
# ---------------------
# The share of the image's variance between the superpixels (*explained variation*), against their number: the information
# that remains in an image of mean colours.


def explained_variation(regions):
    statistics = region_statistics(image, regions)
    return 1 - statistics.squares.sum() / ((image - image.mean(axis=(0, 1))) ** 2).sum()


counts = [25, 50, 100, 200, 400, 800, 1600, 3200]
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
for m in (2, 10, 40):
    axis.plot(counts, [explained_variation(slic(image, count, m)) for count in counts], marker="o", label=f"m = {m}")
axis.set(xscale="log", xlabel="K", ylabel="explained variation", ylim=(0.7, 1))
axis.set_xticks(counts, [str(count) for count in counts])
axis.grid(alpha=0.3)
axis.legend()

# %%
# SLICO: a compactness for each superpixel
# ----------------------------------------
# One m is too small for the texture and too large for the sky. SLICO (``adaptive=True``) divides the colour distance of
# a superpixel by the largest one so far: weak edges count in flat parts, and superpixels stay compact in texture.
texture = data.chelsea()[:, 60:360]
figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
for axis, options in zip(axes, ({"compactness": 3}, {"compactness": 10}, {"adaptive": True}), strict=True):
    found, seconds = timed(slic, texture, 300, **options)
    name = ", ".join(f"{key}={value}" for key, value in options.items())
    show(axis, texture, f"{name}: {found.max()} superpixels, {1000 * seconds:.1f} ms", found)

# %%
# Connected, and within a mask
# ----------------------------
# The distance does not ensure connected regions, so there are stray pieces at the end. Those smaller than a quarter of the
# mean superpixel are merged into the neighbour with which they share the longest border, larger ones become separate
# superpixels: the count is near K, not equal to it. With a ``mask`` only its pixels are used.
loose = slic(part, 100, 2, enforce_connectivity=False)
joined = slic(part, 100, 2)
circle = np.hypot(*np.meshgrid(np.arange(-100, 100), np.arange(-100, 100))) < 95
figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
show(axes[0], part, f"enforce_connectivity=False: {connected_components(loose)[1]} pieces", loose)
show(axes[1], part, f"connected: {joined.max()} superpixels", joined)
show(axes[2], part, "mask=circle", slic(part, 100, mask=circle))

# %%
# Comparison with the paper and scikit-image
# ------------------------------------------
# A pixel is compared here with the centres of the nine grid cells around it instead of those whose moving window contains
# it, so that every pixel has a centre; colours and positions are integers, so that the result does not depend on the number
# of threads or on the processor. ``skimage.segmentation.slic`` uses windows of 4S x 4S, joins pieces below half the mean
# size and splits those above three times of it, starts its seeds without the gradient, and takes any three bands for
# RGB.
for count in (100, 400, 1600):
    ours, quick = timed(slic, image, count)
    theirs, slow = timed(segmentation.slic, image, count, compactness=10)
    print(
        f"K = {count:4}: {ours.max():4} superpixels, explained {explained_variation(ours):.3f}, {1000 * quick:6.1f} ms; "
        f"scikit-image {theirs.max():4}, {explained_variation(theirs):.3f}, {1000 * slow:6.1f} ms"
    )
