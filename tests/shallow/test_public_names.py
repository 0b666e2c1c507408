"""Names of `densa.shallow`: found when first used, never hidden by a module, the settings quick to import."""

import subprocess
import sys
from pathlib import Path

import pytest

from densa import shallow


@pytest.mark.parametrize("name", shallow.__all__)
def test_every_name_leads_to_what_it_names(name):
    found = getattr(shallow, name)
    assert name.isupper() or found.__name__ == name


def test_no_module_hides_a_name():
    modules = {path.stem for path in Path(shallow.__file__).parent.glob("*.py")}
    assert not modules & set(shallow.__all__)


def test_the_settings_import_no_compiler():
    code = "import sys; from densa.shallow import SHALLOW, ShallowSettings; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in run.stdout.split()}
    assert not imported & {"numpy", "numba", "scipy", "sklearn", "skimage", "torch", "pydantic"}


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'svm'"):
        shallow.svm  # noqa: B018
