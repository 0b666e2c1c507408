"""Agreement of a partition with partitions drawn by several people, as in the Berkeley benchmark (BSDS500)
(Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011, doi:10.1109/TPAMI.2010.161, section 2.3).

S is the partition, G a person's, N the pixels that both label, n_gs those common to region g of G and s of S:

* covering of G by S: 1/N sum over g of |g| max over s of |g n s| / |g u s|;
* Rand index: share of the pixel pairs that both partitions join or both separate (its mean over people: probabilistic
  Rand index, Unnikrishnan et al. 2007);
* variation of information (Meila 2005): H(S|G) + H(G|S), in bits.

A family is the same method at several settings (thresholds, counts, levels of a hierarchy). ODS: best single setting
for all images; OIS: best setting of each image; "best" covering: best setting of each human region.

Method: Covering, Rand index, variation of information.
Source: Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011, doi:10.1109/TPAMI.2010.161, section 2.3.
As printed: the scores, and the best setting per set, image and region.
Departs: nothing.
Held by: tests/metrics/test_partitions.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.metrics.contingency import Contingency, as_regions, contingency, without_gaps
from densa.metrics.families import check_family, family_settings

__all__ = [
    "FamilyAgreement",
    "PartitionScores",
    "PartitionSummary",
    "covering",
    "family_agreement",
    "partition_scores",
    "rand_index",
    "summarize_families",
    "variation_of_information",
]


_BELOW = 2**31 - 1  # limit of region numbers


class PartitionScores(NamedTuple):
    """Scores of a partition against those of one or several people: means over the people.

    Attributes:
        covering: covering of the human regions by the partition, above 0 to 1 (best).
        rand_index: 0 to 1 (best); over several people the probabilistic Rand index.
        variation_of_information: bits, 0 (best) upwards.
    """

    covering: float
    rand_index: float
    variation_of_information: float


@dataclass(frozen=True)
class FamilyAgreement:
    """Counts of a family of T partitions of one image, compared with the human ones.

    Attributes:
        covered: (T,) pixels covered: `|g| max IoU` summed over human regions g and people.
        best_covered: the same with the best partition of the family for each human region.
        n_pixels: pixels labelled, summed over people.
        rand_index: (T,) mean over people.
        variation_of_information: (T,) bits, mean over people.
    """

    covered: NDArray[np.float64]
    best_covered: float
    n_pixels: int
    rand_index: NDArray[np.float64]
    variation_of_information: NDArray[np.float64]


@dataclass(frozen=True)
class PartitionSummary:
    """Scores of a method over a data set. Coverings weight images by their labelled pixels, as in the benchmark.

    Attributes:
        settings: (T,) numbers of the settings.
        covering, rand_index, variation_of_information: (T,) scores of each setting over all images.
        covering_best: with the best partition of the family for each human region.
        covering_ods, rand_index_ods, variation_of_information_ods: best single setting for all images.
        covering_ois, rand_index_ois, variation_of_information_ois: best setting of each image.
    """

    settings: NDArray[np.float64]
    covering: NDArray[np.float64]
    rand_index: NDArray[np.float64]
    variation_of_information: NDArray[np.float64]
    covering_best: float
    covering_ods: float
    covering_ois: float
    rand_index_ods: float
    rand_index_ois: float
    variation_of_information_ods: float
    variation_of_information_ois: float


def covering(target: ArrayLike, predicted: ArrayLike) -> float:
    """Mean, over the target's regions weighted by size, of the best intersection over union with a predicted region.

    Args:
        target: (H, W) integers from 1; 0 for pixels without label, which are ignored.
        predicted: (H, W) integers from 1; 0 for pixels without region, which are ignored.

    Returns:
        Above 0; 1 for equal partitions.

    Raises:
        InputError: shapes or types do not fit, or no pixel is labelled in both.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> metrics.covering(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))
        0.5
    """
    table = _table(target, predicted)
    return float(np.sum(table.size_g * _best_overlap(table)) / table.n)


def rand_index(target: ArrayLike, predicted: ArrayLike) -> float:
    """Share of the pairs of pixels that both partitions join or both separate; 1 for a single pixel.

    Args: as in `covering`.

    Raises:
        InputError: as `covering`.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> round(metrics.rand_index(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])), 3)  # 2 of 6 pairs
        0.333
    """
    return _rand_index(_table(target, predicted))


def variation_of_information(target: ArrayLike, predicted: ArrayLike) -> float:
    """Variation of information of two partitions, H(S|G) + H(G|S), in bits.

    Args: as in `covering`.

    Raises:
        InputError: as `covering`.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> round(metrics.variation_of_information(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])), 3)
        1.0
    """
    return _variation_of_information(_table(target, predicted))


def partition_scores(annotators: Sequence[ArrayLike], predicted: ArrayLike) -> PartitionScores:
    """All three scores of a partition against those of several people.

    Args:
        annotators: one or more (H, W) integers, as the target of `covering`.
        predicted: as in `covering`.

    Raises:
        InputError: as `covering`, or no annotator.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> person = np.array([[1, 1, 2, 2]])
        >>> metrics.partition_scores([person, person], person)
        PartitionScores(covering=1.0, rand_index=1.0, variation_of_information=0.0)
    """
    family = family_agreement(annotators, [predicted])
    return PartitionScores(
        float(family.covered[0] / family.n_pixels),
        float(family.rand_index[0]),
        float(family.variation_of_information[0]),
    )


def family_agreement(annotators: Sequence[ArrayLike], family: Sequence[ArrayLike]) -> FamilyAgreement:
    """Counts of one image, from which `summarize_families` computes the scores of a data set.

    Args:
        annotators: one or more (H, W) integers from 1; 0 for pixels without label.
        family: one or more (H, W) integers from 1, in the order of the settings, which is the same for all images.

    Raises:
        InputError: as `covering`, or no annotator or no partition.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> person = np.array([[1, 1, 2, 2]])
        >>> agreement = metrics.family_agreement([person], [np.array([[1, 1, 1, 1]]), person])
        >>> agreement.covered.tolist(), agreement.n_pixels
        ([2.0, 4.0], 4)
        >>> agreement.variation_of_information.round(3).tolist()
        [1.0, 0.0]
    """
    check_family(annotators, family)
    shape = len(annotators), len(family)
    covered, rand, information = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    best_covered, n_pixels = 0.0, 0
    for a, target in enumerate(annotators):
        numbers = without_gaps(as_regions(target, "target", below=_BELOW))
        best = np.zeros(int(numbers.max()) + 1)
        for t, predicted in enumerate(family):
            table = _table(numbers, predicted)
            overlap = _best_overlap(table)
            best[table.names_g] = np.maximum(best[table.names_g], table.size_g * overlap)
            covered[a, t] = np.sum(table.size_g * overlap)
            rand[a, t] = _rand_index(table)
            information[a, t] = _variation_of_information(table)
        best_covered += float(best.sum())
        n_pixels += table.n
    return FamilyAgreement(covered.sum(axis=0), best_covered, n_pixels, rand.mean(axis=0), information.mean(axis=0))


def summarize_families(
    images: Sequence[FamilyAgreement], settings: Sequence[float] | NDArray[np.float64] | None = None
) -> PartitionSummary:
    """Scores over a data set.

    Args:
        images: counts of each image; all families have the same settings.
        settings: (T,) a number for each setting; None for 1 to T.

    Raises:
        InputError: no image, or families of different lengths.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> person = np.array([[1, 1, 2, 2]])
        >>> images = [metrics.family_agreement([person], [np.array([[1, 1, 1, 1]]), person])]
        >>> summary = metrics.summarize_families(images)
        >>> summary.settings.tolist(), summary.covering.tolist()
        ([1.0, 2.0], [0.5, 1.0])
        >>> summary.covering_ods
        1.0
    """
    numbers = family_settings([len(image.covered) for image in images], settings)
    covered = np.stack([image.covered for image in images])
    n = sum(image.n_pixels for image in images)
    rand = np.stack([image.rand_index for image in images])
    information = np.stack([image.variation_of_information for image in images])
    return PartitionSummary(
        settings=numbers,
        covering=covered.sum(axis=0) / n,
        rand_index=rand.mean(axis=0),
        variation_of_information=information.mean(axis=0),
        covering_best=sum(image.best_covered for image in images) / n,
        covering_ods=float(covered.sum(axis=0).max() / n),
        covering_ois=float(covered.max(axis=1).sum() / n),
        rand_index_ods=float(rand.mean(axis=0).max()),
        rand_index_ois=float(rand.max(axis=1).mean()),
        variation_of_information_ods=float(information.mean(axis=0).min()),
        variation_of_information_ois=float(information.min(axis=1).mean()),
    )


def _table(target: ArrayLike, predicted: ArrayLike) -> Contingency:
    g, s = as_regions(target, "target", below=_BELOW), as_regions(predicted, "predicted", below=_BELOW)
    return contingency(g, s, ("target", "predicted"))


def _best_overlap(table: Contingency) -> NDArray[np.float64]:
    """(regions of G,) largest intersection over union with a region of S."""
    union = table.size_g[table.g] + table.size_s[table.s] - table.common
    best = np.zeros(len(table.size_g))
    np.maximum.at(best, table.g, table.common / union)
    return best


def _rand_index(table: Contingency) -> float:
    pairs = math.comb(table.n, 2)
    joined = [int(np.sum(sizes * (sizes - 1) // 2)) for sizes in (table.size_g, table.size_s, table.common)]
    return 1 - (joined[0] + joined[1] - 2 * joined[2]) / pairs if pairs else 1.0


def _variation_of_information(table: Contingency) -> float:
    entropy_g, entropy_s, entropy = (_entropy(sizes, table.n) for sizes in (table.size_g, table.size_s, table.common))
    return max(2 * entropy - entropy_g - entropy_s, 0.0)


def _entropy(sizes: NDArray[np.int64], n: int) -> float:
    share = sizes / n
    return float(-np.sum(share * np.log2(share)))
