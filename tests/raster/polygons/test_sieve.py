"""Small regions are merged by a rule on the whole map, whatever the strips."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.raster import polygonise
from densa.raster.polygons import sieve as polygon_sieve
from densa.raster.polygons.polygoniser import _ones
from densa.raster.polygons.runs import OUTSIDE, encode
from densa.raster.polygons.sieve import Sieve


def original_regions(labels):
    """Numbers of the connected regions in raster order of their first pixel, and the class of each."""
    numbers, classes = np.zeros(labels.shape, int), [255]
    for label in np.unique(labels[labels != 255]):
        pieces, n = ndimage.label(labels == label)
        numbers[pieces > 0] = pieces[pieces > 0] + len(classes) - 1
        classes += [int(label)] * n
    found, first = np.unique(numbers[numbers > 0], return_index=True)
    rank = np.zeros(len(classes), int)
    rank[found[np.argsort(first)]] = np.arange(1, len(classes))
    ordered = [255] * len(classes)
    for old, new in enumerate(rank):
        ordered[new] = classes[old]
    return rank[numbers], ordered


def borders_between(numbers, classes, area, min_area):
    """{(region, region or -1 - class of large ones): (length, first edge)}"""
    borders = {}
    for y, x in np.ndindex(numbers.shape):
        for above, place in (((y - 1, x), (2 * y, x)), ((y, x - 1), (2 * y + 1, x))):
            one, other = (numbers[above] if min(above) >= 0 else 0), numbers[y, x]
            if one == other or not one or not other or min(area[one], area[other]) >= min_area:
                continue
            if area[one] >= min_area:
                one, other = other, one
            key = (one, -1 - classes[other]) if area[other] >= min_area else (min(one, other), max(one, other))
            length, first = borders.get(key, (0, place))
            borders[key] = length + 1, min(first, place)
    return borders


def sieved_by_definition(labels, min_area):
    numbers, classes = original_regions(labels)
    area = np.bincount(numbers.ravel(), minlength=len(classes))
    group = {i: {i} for i in range(1, len(classes))}
    becomes = {i: classes[i] for i in group if area[i] >= min_area}  # by the least member of a group
    borders = borders_between(numbers, classes, area, min_area)
    for (one, other), _ in sorted(borders.items(), key=lambda item: (-item[1][0], item[1][1])):
        mine = group[one]
        if other < 0:
            becomes.setdefault(min(mine), -1 - other)
            continue
        others = group[other]
        if mine is others or (min(mine) in becomes and min(others) in becomes):
            continue
        known = becomes.pop(min(mine), becomes.pop(min(others), None))
        mine |= others
        for member in others:
            group[member] = mine
        if known is None and sum(area[i] for i in mine) >= min_area:
            known = classes[min(mine, key=lambda i: (-area[i], i))]
        if known is not None:
            becomes[min(mine)] = known
    final = np.array(
        [255] + [becomes.get(min(g), classes[min(g, key=lambda i: (-area[i], i))]) for g in group.values()], np.uint8
    )
    return final[numbers]


def decoded(runs_of_rows, width):
    rows = []
    for runs in runs_of_rows:
        for first, last in zip(runs.first[:-1], runs.first[1:], strict=True):
            assert (np.diff(runs.label[first:last].astype(int)) != 0).all()
            row = np.full(width, 255, np.uint8)
            for i in np.flatnonzero(runs.label[first:last] != OUTSIDE) + first:
                row[runs.start[i] : runs.start[i + 1]] = runs.label[i]
            rows.append(row)
    return np.array(rows).reshape(-1, width)


def sieved(labels, min_area, height):
    sieve = Sieve(labels.shape[1], min_area, partial(_ones, labels.shape[1]))
    found = []
    for top in range(0, len(labels), height):
        found += sieve.push(encode(labels[top : top + height]))
    early = sum(len(runs.first) - 1 for runs in found)
    return decoded([*found, *sieve.finish()], labels.shape[1]), early


@st.composite
def label_maps(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 20))
    smooth = draw(st.sampled_from([0, 0.7, 1.5]))
    labels = ndimage.gaussian_filter(rng.random((n + 1, height, width)), (0, smooth, smooth)).argmax(0)
    return np.where((labels == n) & draw(st.booleans()), 255, labels).astype(np.uint8)


@given(label_maps(), st.sampled_from([2, 3, 5, 12, 40]), st.integers(1, 9), st.sampled_from([0, 30, 10**9]))
def test_equal_to_the_definition(labels, min_area, height, wait):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygon_sieve, "_RUNS", wait)
        result, _ = sieved(labels, min_area, height)
    assert_array_equal(result, sieved_by_definition(labels, min_area))


@given(label_maps(), st.sampled_from([2, 5, 12]))
def test_invariants(labels, min_area):
    found = list(polygonise(labels, min_area=min_area))
    assert sum(p.n_pixels for p in found) == (labels != 255).sum()
    islands, _ = ndimage.label(labels != 255)
    sizes = np.bincount(islands.ravel())
    for p in found:
        if p.n_pixels < min_area:  # only where it has no neighbour
            x, y = p.rings[0][0]
            assert sizes[islands[y, x]] == p.n_pixels


def test_by_hand():
    labels = np.zeros((5, 7), np.uint8)
    labels[:, 4:] = 1
    labels[2, 3:5] = 2  # three edges with class 0, three with class 1: the uppermost, leftmost decides
    labels[4, 6] = 3
    result, _ = sieved(labels, 3, 1)
    expected = np.zeros((5, 7), np.uint8)
    expected[:, 4:] = 1
    expected[2, 4] = 0
    assert_array_equal(result, expected)


def test_rows_leave_early(monkeypatch):
    """In a map of large regions with specks, rows wait only for the specks near the lowest one."""
    monkeypatch.setattr(polygon_sieve, "_RUNS", 0)
    rng = np.random.default_rng(0)
    labels = (np.indices((400, 60))[1] // 20).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.05] = 3
    result, early = sieved(labels, 6, 10)
    assert early > 300
    assert_array_equal(result, sieved_by_definition(labels, 6))


def test_probability_of_merged_regions():
    labels = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.uint8)
    confidence = np.full((3, 3), 90, np.uint8)
    confidence[1, 1] = 0
    (polygon,) = polygonise(labels, confidence, min_area=2)
    assert polygon.n_pixels == 9
    assert polygon.mean_probability == pytest.approx(80 / 255)
