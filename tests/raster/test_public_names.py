"""Names of `densa.raster`: found when first used, never hidden by a module, quick to import."""

import subprocess
import sys
from pathlib import Path

import pytest

from densa import raster


@pytest.mark.parametrize("name", raster.__all__)
def test_every_name_leads_to_what_it_names(name):
    found = getattr(raster, name)
    assert found.__name__ == name
    assert found.__doc__


def test_no_module_hides_a_name():
    modules = {path.stem for path in Path(raster.__file__).parent.iterdir()}
    assert not modules & set(raster.__all__)


def test_reading_an_image_imports_no_compiler():
    code = "import sys; from densa import raster; raster.open; raster.Window; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in run.stdout.split()}
    assert "rasterio" in imported
    assert not imported & {"numba", "scipy", "shapely", "skimage", "torch"}


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'close'"):
        raster.close  # noqa: B018
