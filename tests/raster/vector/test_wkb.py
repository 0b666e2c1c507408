"""Well-known binary of polygons beside what shapely writes of the same rings."""

import numpy as np
import pytest
import shapely
from scipy import ndimage

from densa.raster import Polygoniser
from densa.raster.earth.ground import Ground
from densa.raster.vector.wkb import well_known_binary


@pytest.mark.parametrize("transform", [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (0.3, 0.1, 5e5 / 3, -0.2, -0.7, 4e6 / 3)])
def test_equal_to_shapely(transform, rng):
    labels = (ndimage.gaussian_filter(rng.random((60, 50)), 1) > 0.5).astype(np.uint8)
    found = []
    polygoniser = Polygoniser(50, found.append)
    polygoniser.write(labels)
    polygoniser.finish()
    (batch,) = found
    ground = Ground(None, transform, "px", 1.0, 0.0, 50)
    assert ground.mirrored == (transform[4] > 0)
    a, b, c, d, e, f = transform
    x, y = batch.corners.T
    places = np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)
    expected = []
    for i in range(len(batch.labels)):
        rings = range(batch.ring_first[i], batch.ring_first[i + 1])
        corners = [places[batch.corner_first[r] : batch.corner_first[r + 1]] for r in rings]
        closed = [np.vstack([ring, ring[:1]])[:: -1 if ground.mirrored else 1] for ring in corners]
        expected.append(shapely.Polygon(closed[0], closed[1:]))
    assert sum(len(g.interiors) for g in expected) > 10
    assert well_known_binary(batch, ground).tolist() == shapely.to_wkb(expected, byte_order=1).tolist()
    assert all(g.exterior.is_ccw for g in expected)
