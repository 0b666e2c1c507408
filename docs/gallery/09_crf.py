"""
Conditional random fields
=========================

A classifier labels each pixel independently. A conditional random field (CRF) adds the relations between pixels: neighbours of
the same colour should have the same label. Its energy is that of the classifier's probabilities plus a cost for every pair of
pixels whose labels differ; mean field finds probabilities of low energy.
"""

# %%
# Noisy labels
# ------------
# A pixel forest that uses only the colour of a pixel, trained from eleven strokes: many pixels are wrong.
import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from densa.crf import DenseCrf, RegionPotential, Sample, dense_crf, grid_crf, region_weights, tune_dense_crf
from densa.regions import mean_shift
from densa.shallow import PixelFeatures, draw_strokes, fit_trees, tissue_strokes

photo = data.immunohistochemistry()[:384, :384]
image = np.ascontiguousarray(photo.transpose(2, 0, 1))
strokes = tissue_strokes()
labels = draw_strokes(strokes, *photo.shape[:2])
drawn = labels != 255
colours = PixelFeatures(("bands",)).compute(image)
trees = fit_trees(colours[:, drawn].T, labels[drawn], 3, n_trees=30, min_leaf=20)
probabilities = trees.probabilities(colours)

# %%
# Neighbours, regions, all pixels
# -------------------------------
# The *pairwise* field has terms for the eight neighbours of a pixel; a difference costs less across an edge. *Higher order*
# (robust P^n, Kohli et al. 2008) adds regions, here those of mean shift: each costs in proportion to the pixels that do not
# have its main label, up to a limit. The *fully connected* field (Krähenbühl and Koltun 2011) has terms for all pairs of pixels,
# by distance and colour; with a permutohedral lattice it takes about a second.
regions = mean_shift(photo, 7, 8, 60)
potential = RegionPotential(regions, region_weights(regions, 1.0, 1.0), truncation=0.25)
dense = DenseCrf(smooth_px=3, smooth_weight=3, appearance_px=30, appearance_values=15, appearance_weight=6)
results = {
    "each pixel for itself": probabilities,
    "pairwise": grid_crf(probabilities, image, 2.0),
    "higher order": grid_crf(probabilities, image, 2.0, regions=potential),
    "fully connected": dense_crf(probabilities, image, dense),
}
palette = strokes.legend.palette()
figure, axes = plt.subplots(1, 4, figsize=(12, 3.6), layout="constrained")
for axis, (name, found) in zip(axes, results.items(), strict=True):
    axis.imshow(palette[found.argmax(axis=0)])
    axis.set_title(name)
    axis.set_axis_off()
for name, found in results.items():
    map_of = found.argmax(axis=0)
    borders = np.count_nonzero(map_of[1:] != map_of[:-1]) + np.count_nonzero(map_of[:, 1:] != map_of[:, :-1])
    print(f"{name:22} {borders:6} pixel sides between labels")

# %%
# Does it help?
# -------------
# A CRF removes thin structures, so it can make a map worse. Its parameters are tuned on labelled images by successive halving,
# and the CRF is not used if the labels are better without it: ``densa train --tune-crf`` stores the result in the model
# folder. Here the reference is the map of a forest that uses textures, since there are no outlines of this tissue.
textures = PixelFeatures(("colours", "multi-scale"), scales=(1.0, 3.5, 8.0)).compute(image)
reference = fit_trees(textures[:, drawn].T, labels[drawn], 3, n_trees=30).probabilities(textures).argmax(axis=0)
sample = Sample(probabilities, image, reference.astype(np.uint8))
candidates = [
    DenseCrf(3, 3, pixels, values, weight) for pixels in (10, 40) for values in (10, 30) for weight in (3, 10)
]
found = tune_dense_crf(lambda: [sample], candidates)
print(found)
