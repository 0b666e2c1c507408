"""Tasks of `peers.py`: what is computed, by densa and by every peer that does the same.

A task makes its case (arrays) from a size in megapixels; a contender turns the case into a result. Contenders import
what they need themselves, so that a peer that is not installed is missing from one row only, and no process holds the
libraries of another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

Case = dict[str, Any]
Contender = Callable[[Case], Any]


@dataclass(frozen=True)
class Task:
    """A row of the table.

    Attributes:
        name: by which it is chosen.
        title: what is computed.
        sizes: megapixels, the default ones.
        make: case of a size in megapixels.
        contenders: by name, densa first.
        score: what is said of a result beside densa's; "" for nothing.
    """

    name: str
    title: str
    sizes: tuple[float, ...]
    make: Callable[[float], Case]
    contenders: dict[str, Contender]
    score: Callable[[Any, Any], str] = lambda found, ours: ""


def photograph(megapixels: float) -> Case:
    """A photograph of scikit-image's, mirrored and repeated or cut to the size."""
    from skimage import data

    height = max(32, round((megapixels * 1e6 / 1.5) ** 0.5))
    width = round(megapixels * 1e6 / height)
    image = data.coffee()
    while image.shape[0] < height:
        image = np.concatenate([image, image[::-1]])
    while image.shape[1] < width:
        image = np.concatenate([image, image[:, ::-1]], axis=1)
    return {"image": np.ascontiguousarray(image[:height, :width])}


# ---------------------------------------------------------------------------------------------- superpixels


def superpixel_case(megapixels: float) -> Case:
    return {**photograph(megapixels), "count": 500 if megapixels < 1 else round(megapixels * 2500)}


def slic_densa(case: Case) -> Any:
    from densa.regions import slic

    return slic(case["image"], case["count"])


def slic_fast(case: Case, **options: int) -> Any:
    from fast_slic.avx2 import SlicAvx2

    slic = SlicAvx2(num_components=case["count"], compactness=10, **options)
    return slic.iterate(case["image"]).astype(np.int32) + 1


def slic_scikit_image(case: Case) -> Any:
    from skimage.segmentation import slic

    return slic(case["image"], case["count"], start_label=1)


def slic_opencv(case: Case) -> Any:
    import cv2

    lab = cv2.cvtColor(case["image"], cv2.COLOR_RGB2LAB)
    step = round((lab.shape[0] * lab.shape[1] / case["count"]) ** 0.5)
    found = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.SLIC, step, 10.0)
    found.iterate(10)
    found.enforceLabelConnectivity(25)
    return found.getLabels() + 1


def slic_simpleitk(case: Case) -> Any:
    import SimpleITK as sitk

    height, width = case["image"].shape[:2]
    step = max(1, round((height * width / case["count"]) ** 0.5))
    image = sitk.GetImageFromArray(case["image"].astype(np.float32), isVector=True)
    found = sitk.SLIC(image, superGridSize=[step, step], maximumNumberOfIterations=10)
    return sitk.GetArrayFromImage(found).astype(np.int32) + 1


SLIC: dict[str, Contender] = {
    "densa": slic_densa,
    "fast-slic": slic_fast,
    "fast-slic, one thread": partial(slic_fast, num_threads=1),
    "OpenCV": slic_opencv,
    "scikit-image": slic_scikit_image,
    "SimpleITK": slic_simpleitk,
}


def count_superpixels(found: Any, ours: Any) -> str:
    return f"{len(np.unique(found))} superpixels"


def bsds_images(most: int) -> list[tuple[Any, list[Any]]]:
    """Photographs of BSDS500's validation set with all their segmentations by people; none without DENSA_REALDATA."""
    folder = Path(os.environ.get("DENSA_REALDATA", "")) / "bsds500"
    if not folder.is_dir():
        return []
    from scipy.io import loadmat
    from skimage.io import imread

    truths = {path.stem: path for path in folder.rglob("*.mat")}
    pairs = []
    for path in sorted(folder.rglob("val/*.jpg"))[:most]:
        people = loadmat(truths[path.stem])["groundTruth"][0]
        pairs.append((imread(path), [one[0, 0]["Segmentation"].astype(np.int64) for one in people]))
    return pairs


def bsds_scores(contender: Contender, count: int, most: int) -> tuple[float, float, float, float]:
    """Superpixels, boundary recall within 2 pixels, undersegmentation error and ASA: means over images and people."""
    from densa.metrics.superpixels import boundary_recall, superpixel_overlap

    scores = []
    for image, truths in bsds_images(most):
        found = np.asarray(contender({"image": np.ascontiguousarray(image), "count": count}))
        for truth in truths:
            overlap = superpixel_overlap(found, truth)
            error, accuracy = overlap.undersegmentation, overlap.achievable_accuracy
            scores.append((overlap.n_superpixels, boundary_recall(found, truth, 2), error, accuracy))
    n, recall, error, accuracy = np.nanmean(scores, axis=0)
    return float(n), float(recall), float(error), float(accuracy)


# ------------------------------------------------------------------------------------------------ watershed


def watershed_case(megapixels: float) -> Case:
    from scipy.ndimage import sobel

    image = photograph(megapixels)["image"]
    grey = image.astype(np.float32).mean(axis=2)
    steep = np.hypot(sobel(grey, 0), sobel(grey, 1))
    relief = np.clip(steep / 4, 0, 255).astype(np.uint8)
    markers = np.zeros(relief.shape, np.int32)
    rows, columns = np.mgrid[10 : relief.shape[0] : 20, 10 : relief.shape[1] : 20]
    markers[rows, columns] = np.arange(1, rows.size + 1).reshape(rows.shape)
    return {"image": image, "relief": relief, "markers": markers}


def flood_densa(case: Case) -> Any:
    from densa.regions import watershed

    return watershed(case["relief"], case["markers"])


def forest_densa(case: Case) -> Any:
    from densa.regions import watershed_forest

    return watershed_forest(case["relief"], case["markers"])


def flood_scikit_image(case: Case) -> Any:
    from skimage.segmentation import watershed

    return watershed(case["relief"], case["markers"])


def flood_opencv(case: Case) -> Any:
    import cv2

    return cv2.watershed(np.repeat(case["relief"][:, :, None], 3, axis=2), case["markers"].copy())


def flood_scipy(case: Case) -> Any:
    from scipy.ndimage import watershed_ift

    return watershed_ift(case["relief"], case["markers"])


def flood_simpleitk(case: Case) -> Any:
    import SimpleITK as sitk

    relief, markers = sitk.GetImageFromArray(case["relief"]), sitk.GetImageFromArray(case["markers"])
    return sitk.GetArrayFromImage(sitk.MorphologicalWatershedFromMarkers(relief, markers, markWatershedLine=False))


def flood_diplib(case: Case) -> Any:
    import diplib as dip

    markers = dip.Image(case["markers"].astype(np.uint32))
    flags = {"labels", "no gaps"}
    return np.asarray(dip.SeededWatershed(dip.Image(case["relief"]), markers, dip.Image(), 1, 0.0, 0, flags))


def flood_higra(case: Case) -> Any:
    import higra as hg

    graph = hg.get_4_adjacency_graph(case["relief"].shape)
    weights = hg.weight_graph(graph, case["relief"], hg.WeightFunction.max)
    return hg.labelisation_seeded_watershed(graph, weights, case["markers"])


def share_as_densa(found: Any, ours: Any) -> str:
    return f"{np.mean(np.asarray(found) == np.asarray(ours)):.2%} labels as densa's"


# --------------------------------------------------------------------------- mean shift, cuts, region graphs


def shift_densa(case: Case) -> Any:
    from densa.regions import mean_shift

    return mean_shift(case["image"], 7, 6.5, 20)


def shift_opencv(case: Case) -> Any:
    import cv2

    return cv2.pyrMeanShiftFiltering(case["image"], 7, 6.5)


def cuts_densa(case: Case) -> Any:
    from densa.regions import normalized_cuts, pixel_affinities

    return normalized_cuts(pixel_affinities(case["image"]), 8)


def cuts_scikit_learn(case: Case) -> Any:
    from importlib.util import find_spec

    from sklearn.cluster import spectral_clustering
    from sklearn.feature_extraction.image import img_to_graph

    links = img_to_graph(case["image"].mean(axis=2) / 255)
    links.data = np.exp(-((links.data / 0.1) ** 2)) + 0.01
    solver = "amg" if find_spec("pyamg") else "lobpcg"
    found = spectral_clustering(links, n_clusters=8, eigen_solver=solver, assign_labels="discretize", random_state=0)
    return found.reshape(case["image"].shape[:2]) + 1


def graph_case(megapixels: float) -> Case:
    from densa.regions import slic

    case = photograph(megapixels)
    return {**case, "regions": slic(case["image"], round(megapixels * 2600))}


def graph_densa(case: Case) -> Any:
    from densa.regions import region_graph, threshold_cut

    return threshold_cut(region_graph(case["image"], case["regions"]), 29.0)[case["regions"]]


def graph_scikit_image(case: Case) -> Any:
    from skimage import graph

    return graph.cut_threshold(case["regions"], graph.rag_mean_color(case["image"], case["regions"]), 29)


def merge_case(megapixels: float) -> Case:
    from densa.regions import region_graph, slic

    image = photograph(megapixels)["image"]
    return {"graph": region_graph(image, slic(image, round(megapixels * 1e6 / 16)))}


def merge_densa(case: Case) -> Any:
    from densa.regions import merge_tree

    return merge_tree(case["graph"])


def merge_higra(case: Case) -> Any:
    import higra as hg

    graph = hg.UndirectedGraph(case["graph"].n_regions + 1)
    graph.add_edges(*np.ascontiguousarray(case["graph"].edges.T.astype(np.int64)))
    graph.add_edge(0, 1)
    centroids = np.ascontiguousarray(case["graph"].statistics.mean)
    sizes = np.maximum(1, case["graph"].statistics.n_pixels).astype(np.float64)
    return hg.binary_partition_tree_ward_linkage(graph, centroids, sizes)[1]


# ------------------------------------------------------------------------------------- dense CRF, components


def crf_case(megapixels: float) -> Case:
    from crf import case

    image, p = case()
    return {"image": image, "p": p}


def crf_densa(case: Case) -> Any:
    from densa.crf import DenseCrf, dense_crf

    return dense_crf(case["p"], case["image"], DenseCrf(3, 3, 80, 13, 10, 10))


def crf_peer(case: Case) -> Any:
    import pydensecrf.densecrf as dcrf

    p = case["p"]
    crf = dcrf.DenseCRF2D(p.shape[2], p.shape[1], p.shape[0])
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(np.clip(p, 1e-5, 1)).reshape(len(p), -1)))
    crf.addPairwiseGaussian(sxy=3, compat=3)
    image = np.ascontiguousarray(case["image"].transpose(1, 2, 0))
    crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
    return np.array(crf.inference(10), np.float32).reshape(p.shape)


def same_classes(found: Any, ours: Any) -> str:
    return f"{np.mean(np.asarray(found).argmax(0) == np.asarray(ours).argmax(0)):.2%} classes as densa's"


def components_case(megapixels: float) -> Case:
    grey = photograph(megapixels)["image"].mean(axis=2)
    return {"mask": (grey > np.median(grey)).astype(np.uint8)}


def components_densa(case: Case) -> Any:
    from densa.regions import connected_components

    return connected_components(case["mask"])[0]


def components_cc3d(case: Case) -> Any:
    import cc3d

    return cc3d.connected_components(case["mask"], connectivity=4)


def components_scipy(case: Case) -> Any:
    from scipy.ndimage import label

    return label(case["mask"])[0]


def components_opencv(case: Case) -> Any:
    import cv2

    return cv2.connectedComponents(case["mask"], connectivity=4)[1]


def components_scikit_image(case: Case) -> Any:
    from skimage.measure import label

    return label(case["mask"], connectivity=1)


def same_partition(found: Any, ours: Any) -> str:
    """Whether two partitions have the same regions, however they are numbered."""
    a, b = np.asarray(found).ravel().astype(np.int64), np.asarray(ours).ravel().astype(np.int64)
    pairs = np.unique(a * (int(b.max()) + 1) + b).size
    return "same regions" if pairs == np.unique(a).size == np.unique(b).size else "other regions"


def grey_case(megapixels: float) -> Case:
    return {"image": photograph(megapixels)["image"].mean(axis=2).astype(np.float32)}


def sobel_densa(case: Case) -> Any:
    from densa.regions import gradient_magnitude

    return gradient_magnitude(case["image"])


def sobel_opencv(case: Case) -> Any:
    import cv2

    x, y = cv2.Sobel(case["image"], cv2.CV_32F, 1, 0), cv2.Sobel(case["image"], cv2.CV_32F, 0, 1)
    return cv2.magnitude(x, y) / 8


def sobel_scipy(case: Case) -> Any:
    from scipy.ndimage import sobel

    return np.hypot(sobel(case["image"], 0), sobel(case["image"], 1)) / 8


def sobel_scikit_image(case: Case) -> Any:
    from skimage.filters import sobel

    return sobel(case["image"])


# ---------------------------------------------------------------------------------------- forests, networks


def samples(megapixels: float) -> Case:
    """Pixels of a photograph by 49 descriptors; four classes of brightness, a tenth of the labels wrong."""
    from densa.descriptors import MultiScale

    rng = np.random.default_rng(0)
    image = photograph(megapixels)["image"].mean(axis=2).astype(np.float32)
    features = MultiScale().compute(image[None]).reshape(49, -1)
    labels = (image.ravel() // 64).astype(np.int64)
    wrong = rng.random(labels.size) < 0.1
    labels[wrong] = rng.integers(0, 4, int(wrong.sum()))
    drawn = rng.permutation(labels.size)[:20_000]
    return {"features": features, "drawn": np.ascontiguousarray(features[:, drawn].T), "labels": labels[drawn]}


def fit_densa(case: Case) -> Any:
    from densa.shallow import fit_trees

    return fit_trees(case["drawn"], case["labels"].astype(np.uint8), 4, n_trees=100)


def fit_scikit_learn(case: Case) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(100, min_samples_leaf=2, class_weight="balanced", n_jobs=2, random_state=0)
    return forest.fit(case["drawn"], case["labels"])


def forest_case(megapixels: float) -> Case:
    case = samples(megapixels)
    model = fit_scikit_learn(case)
    features = case["features"]
    return {"model": model, "features": features, "rows": np.ascontiguousarray(features.T)}


def predict_densa(case: Case) -> Any:
    from densa.shallow.from_sklearn import forest_trees

    if "trees" not in case:
        case["trees"] = forest_trees(case["model"])
    return case["trees"].probabilities(case["features"])


def predict_scikit_learn(case: Case) -> Any:
    return case["model"].predict_proba(case["rows"]).T


def largest_difference(found: Any, ours: Any) -> str:
    return f"{np.abs(np.asarray(found) - np.asarray(ours)).max():.1e} from densa's at most"


def network_case(megapixels: float) -> Case:
    import torch

    from densa import Legend
    from densa.networks import build
    from densa.segmenter import BandContract, NetworkSegmenter

    torch.manual_seed(0)
    legend = Legend(("ground", "roof", "road", "water"))
    network = build("unet", 3, 4, width=32)
    segmenter = NetworkSegmenter(network, legend, BandContract(3), device="cpu", precision="float32")
    side = round((megapixels * 1e6) ** 0.5 / 16) * 16
    pixels = photograph(side * side * 1.6e-6)["image"][:side, :side].transpose(2, 0, 1)
    return {"segmenter": segmenter, "block": np.ascontiguousarray(pixels), "side": side}


def network_densa(case: Case) -> Any:
    from densa import raster
    from densa.engine import predict_array

    return predict_array(case["segmenter"], raster.from_array(case["block"].transpose(1, 2, 0)))[0]


def network_torch(case: Case) -> Any:
    import torch

    segmenter = case["segmenter"]
    pixels, side, halo = segmenter.pixels(case["block"]), 512, segmenter.halo
    out = np.empty(case["block"].shape[1:], np.uint8)
    with torch.inference_mode():
        for y in range(0, out.shape[0], side):
            for x in range(0, out.shape[1], side):
                top, left = max(0, y - halo) // 16 * 16, max(0, x - halo) // 16 * 16
                part = pixels[:, :, top : y + side + halo + 15 & ~15, left : x + side + halo + 15 & ~15]
                found = torch.softmax(segmenter.network(part), 1)[0].argmax(0).to(torch.uint8).numpy()
                here = out[y : y + side, x : x + side]
                here[:] = found[y - top :, x - left :][: here.shape[0], : here.shape[1]]
    return out


def network_monai(case: Case) -> Any:
    import torch
    from monai.inferers import SlidingWindowInferer

    segmenter = case["segmenter"]
    inferer = SlidingWindowInferer(roi_size=(512, 512), sw_batch_size=1, overlap=0.25, mode="gaussian")
    with torch.inference_mode():
        return inferer(segmenter.pixels(case["block"]), segmenter.network)[0].argmax(0).to(torch.uint8).numpy()


_FLOODS: dict[str, Contender] = {
    "densa": flood_densa,
    "densa, forest": forest_densa,
    "OpenCV": flood_opencv,
    "SciPy": flood_scipy,
    "scikit-image": flood_scikit_image,
    "SimpleITK": flood_simpleitk,
    "diplib": flood_diplib,
    "higra": flood_higra,
}
_COMPONENTS: dict[str, Contender] = {
    "densa": components_densa,
    "cc3d": components_cc3d,
    "SciPy": components_scipy,
    "OpenCV": components_opencv,
    "scikit-image": components_scikit_image,
}
_SOBEL: dict[str, Contender] = {
    "densa": sobel_densa,
    "OpenCV": sobel_opencv,
    "SciPy": sobel_scipy,
    "scikit-image": sobel_scikit_image,
}
_CUTS: dict[str, Contender] = {"densa": cuts_densa, "scikit-learn (4 neighbours)": cuts_scikit_learn}
_GRAPHS: dict[str, Contender] = {"densa": graph_densa, "scikit-image": graph_scikit_image}
_MERGES: dict[str, Contender] = {"densa, mean": merge_densa, "higra, Ward": merge_higra}
_CRFS: dict[str, Contender] = {"densa": crf_densa, "pydensecrf2": crf_peer}
_FITS: dict[str, Contender] = {"densa": fit_densa, "scikit-learn": fit_scikit_learn}
_PREDICTIONS: dict[str, Contender] = {"densa": predict_densa, "scikit-learn": predict_scikit_learn}
_NETWORKS: dict[str, Contender] = {"densa": network_densa, "torch, tiles": network_torch, "MONAI": network_monai}
_SHIFTS: dict[str, Contender] = {"densa": shift_densa, "OpenCV (filter alone)": shift_opencv}

TASKS = {
    task.name: task
    for task in (
        Task("slic", "SLIC", (0.15, 16.8), superpixel_case, SLIC, count_superpixels),
        Task("watershed", "watershed from a grid of markers", (1, 16.8), watershed_case, _FLOODS, share_as_densa),
        Task("mean-shift", "mean shift", (0.15, 1), photograph, _SHIFTS),
        Task("normalized-cuts", "normalized cuts of pixels, 8 segments", (0.15,), photograph, _CUTS),
        Task("region-graph", "region graph and threshold cut", (1,), graph_case, _GRAPHS),
        Task("merge-tree", "merge tree, 16 pixels a region", (4,), merge_case, _MERGES),
        Task("crf", "dense CRF, 21 x 375 x 500, 10 iterations", (0.19,), crf_case, _CRFS, same_classes),
        Task("components", "connected components", (1,), components_case, _COMPONENTS, same_partition),
        Task("sobel", "Sobel magnitude, float32", (1,), grey_case, _SOBEL),
        Task("forest-fit", "forest, 100 trees, fit to 20 000 samples", (1,), samples, _FITS),
        Task("forest-predict", "forest, 100 trees, prediction", (1,), forest_case, _PREDICTIONS, largest_difference),
        Task("network", "U-Net of width 32, float32", (1,), network_case, _NETWORKS, share_as_densa),
    )
}
