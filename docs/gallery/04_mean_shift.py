"""
Mean shift
==========

Comaniciu and Meer (2002): *Mean shift: a robust approach toward feature space analysis*. Pixels are points in a space
of position and colour, in which objects are dense. A window that is placed on a point and moved repeatedly to the mean of
the points inside it converges to a maximum of the density nearby: the point's *mode*. Pixels with the same mode form a
region.
"""

# %%
# From a photograph to regions
# ----------------------------
# Two results: the filtered image, in which each pixel has the colour of its mode, and the regions: pixels with nearly equal
# modes, joined, without pieces below a smallest size. 8-bit colours are compared in Luv, where equal distances look about
# equally different.
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage
from skimage import data

from densa.regions import boundaries, mean_shift, mean_shift_filter, mean_shift_trajectory, region_statistics
from densa.regions.mean_shift.luv import luv_to_rgb, rgb_to_luv


def timed(method, *arguments, **options):
    """The result, and the seconds of the second run: the first may have to compile."""
    method(*arguments, **options)
    start = time.perf_counter()
    result = method(*arguments, **options)
    return result, time.perf_counter() - start


def show(axis, picture, title, regions=None):
    """A picture under its title, with the regions' outlines if there are any."""
    axis.imshow(picture.astype(np.uint8) if picture.dtype.kind == "f" else picture, cmap="gray", vmin=0, vmax=255)
    if regions is not None:
        painted = np.zeros((*regions.shape, 4))
        painted[boundaries(regions, "thin")] = 0.2, 0.9, 1, 1
        axis.imshow(painted)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


# sphinx_gallery_thumbnail_number = 3
image = data.coffee()[::2, ::2]
filtered, filter_seconds = timed(mean_shift_filter, image, 7, 6.5)
regions, seconds = timed(mean_shift, image, 7, 6.5, 50)
figure, axes = plt.subplots(1, 3, figsize=(12, 3.1), layout="constrained")
show(axes[0], image, f"input: {image.shape[1]} x {image.shape[0]} pixels")
show(axes[1], filtered, f"mean_shift_filter(image, 7, 6.5): {filter_seconds:.2f} s")
show(axes[2], image, f"mean_shift(image, 7, 6.5, 50): {regions.max()} regions, {seconds:.2f} s", regions)

# %%
# Mode seeking
# ------------
# The pixels of this photograph as points of two colour coordinates, without position. The mean of the points within the
# bandwidth, minus the window's centre, is the *mean-shift vector*; it points uphill on the density, is long where the
# slope is steep and the density low, and is zero at a mode. The number of modes is not given: it follows from the bandwidth.
luv = rgb_to_luv(image)
points = luv[::3, ::3, :2].reshape(-1, 2).astype(np.float64)[:, ::-1]
bandwidth = 16
start = [55.0, 63.0]
path = mean_shift_trajectory(points, start, bandwidth)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained", sharex=True, sharey=True)
for axis in axes:
    axis.scatter(*points.T, s=2, c=luv_to_rgb(luv)[::3, ::3].reshape(-1, 3) / 255, linewidths=0)
    axis.set(xlabel="u", ylabel="L", aspect="equal", facecolor="0.85")
for centre in path:
    axes[0].add_patch(plt.Circle(centre, bandwidth, fill=False, color="black", linewidth=0.5))
axes[0].plot(*path.T, "o-", color="black", markersize=3, linewidth=1)
axes[0].plot(*path[-1], "*", color="red", markersize=14, markeredgecolor="white")
axes[0].set_title(f"one point's way: {len(path) - 1} steps of a window of radius {bandwidth}", fontsize=9)
modes = []
for first in points[:: len(points) // 150]:
    way = mean_shift_trajectory(points, first, bandwidth)
    axes[1].plot(*way.T, color="black", linewidth=0.5)
    modes.append(way[-1])
axes[1].plot(*np.transpose(modes), "*", color="red", markersize=9, markeredgecolor="white", markeredgewidth=0.5)
axes[1].set_title("150 points: all ways end in few modes", fontsize=9)

# %%
# The density is estimated with the Epanechnikov kernel of the same bandwidth, whose gradient the flat window follows. The
# steps become shorter as the slope decreases, so there is no step size to choose.
across, up = np.meshgrid(np.linspace(-25, 110, 110), np.linspace(0, 100, 90))
corners = np.stack([across.ravel(), up.ravel()], axis=1)


def density(places):
    """Epanechnikov density of the points at `places` (n, 2), without its constant."""
    squared = ((places[:, None] - points[None, ::4]) ** 2).sum(axis=2) / bandwidth**2
    return np.maximum(1 - squared, 0).mean(axis=1)


hill = density(corners).reshape(across.shape)
figure = plt.figure(figsize=(8, 4.6), layout="constrained")
axis = figure.add_subplot(projection="3d", computed_zorder=False)
axis.plot_surface(across, up, hill, cmap="viridis", rstride=1, cstride=1, linewidth=0, antialiased=False, zorder=1)
for first in ([48, 82], [8, 60], [90, 30], [60, 60], [-5, 88]):
    way = mean_shift_trajectory(points, first, bandwidth)
    axis.plot(*way.T, density(way) + 0.004, "o-", color="red", markersize=3, linewidth=1.5, zorder=2)
axis.set(xlabel="u", ylabel="L", zlabel="density", zticks=[])
axis.set_box_aspect((1.35, 1, 0.6), zoom=1.1)
axis.view_init(elev=48, azim=-70)

# %%
# Position and value together
# ---------------------------
# One row of grey pixels. A sample counts if it is near in position *and* near in value, two separate tests, so that the
# mean is taken on one side of an edge only. The range radius defines an edge: higher steps stay sharp, lower ones are
# levelled. A Gaussian blur of the same width depends on position only.
camera = data.camera()
row = camera[220:221, 90:340]
figure, axes = plt.subplots(2, 1, figsize=(10, 5.6), layout="constrained", sharex=True)
for axis, others in zip(axes, (("blur",), (10, 40)), strict=True):
    axis.plot(row[0], color="0.7", label="grey values of a row of the cameraman")
    for value in others:
        if value == "blur":
            axis.plot(
                ndimage.gaussian_filter1d(row[0].astype(float), 4), color="tab:blue", label="Gaussian, sigma 4 px"
            )
        else:
            axis.plot(mean_shift_filter(row, 8, value)[0], label=f"mean shift, radii 8 px and {value} grey values")
    axis.legend(fontsize=8, loc="upper left")
    axis.set_ylabel("grey value")
axes[1].set_xlabel("column")

# %%
# Bandwidths
# ----------
# The parameters of mean shift are two radii, in pixels and in units of Luv, and a smallest size. The spatial radius is the
# distance within which pixels are averaged, the range radius the difference within which colours count as equal; the second
# has more effect. Each picture shows the mean colours of its regions.
small = image[::2, ::2]


def painted(regions, picture):
    """Each pixel in its region's mean colour."""
    return region_statistics(picture, regions).mean[regions]


figure, axes = plt.subplots(3, 3, figsize=(11, 8.2), layout="constrained")
for line, spatial_radius in zip(axes, (3, 7, 15), strict=True):
    for axis, range_radius in zip(line, (4, 8, 16), strict=True):
        found, seconds = timed(mean_shift, small, spatial_radius, range_radius, 20)
        title = f"h_s = {spatial_radius}, h_r = {range_radius}: {found.max()} regions, {seconds:.2f} s"
        show(axis, painted(found, small), title)

# %%
# From modes to regions
# ---------------------
# The last steps: 8-neighbours with nearly equal modes are joined, adjacent regions whose modes are nearer than half the
# range radius are joined until there are none, and regions below ``min_size`` pixels are merged into the neighbour with the
# nearest mode, smallest first.
figure, axes = plt.subplots(1, 3, figsize=(12, 3.1), layout="constrained")
for axis, min_size in zip(axes, (1, 20, 200), strict=True):
    found = mean_shift(image, 7, 6.5, min_size)
    show(axis, image, f"min_size={min_size}: {found.max()} regions", found)

# %%
# Flat or Gaussian window
# -----------------------
# A Gaussian window, truncated at the same radii, which are three of its standard deviations, weights near samples more: it
# levels less, like a narrower flat window, but without the steps of the flat one.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axis, kernel in zip(axes, ("uniform", "gaussian"), strict=True):
    result, seconds = timed(mean_shift_filter, small, 9, 12, kernel=kernel)
    show(axis, result, f'kernel="{kernel}", radii 9 and 12: {seconds:.2f} s')

# %%
# Comparison with other programs
# ------------------------------
# The steps and constants are those of EDISON, the authors' program, with its Luv (which does not undo the gamma), so that
# radii from the literature can be used. The trajectory of every pixel is computed, without shortcuts through the modes of
# neighbours, so the result does not depend on an order or on pixels farther away than ``max_iterations`` times the spatial
# radius. scikit-image has no mean shift (its ``quickshift`` climbs from pixel to pixel on the same density
# instead), OpenCV's ``pyrMeanShiftFiltering`` works on a pyramid and does not label, and scikit-learn's ``MeanShift``
# clusters points of any kind with one bandwidth for all coordinates.
