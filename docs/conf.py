"""Sphinx configuration: Markdown pages, and a gallery of executed pages, one per method."""

import os
import sys
from pathlib import Path

# The lecture's pages run on any machine: no graphics card, no display, no progress bars in the text.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

sys.path.insert(0, str(Path(__file__).parent))
import make_api
import make_fidelity
import make_reference

make_fidelity.write()
make_reference.write()
make_api.write()

project = "densa"
author = "The densa authors"
copyright = "2026, the densa authors"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "gallery"]
html_theme = "furo"
html_title = "densa"
html_static_path = ["static"]
html_css_files = ["densa.css"]
autodoc_typehints = "none"  # shapes and ranges stand in the text; arrays' types would bury the signatures
toc_object_entries_show_parents = "hide"
default_role = "code"
napoleon_google_docstring = True
# A list, several names on a line where they share a description; as entries of their own attributes would be there twice.
napoleon_custom_sections = [("Attributes", "params_style")]
# Links into other projects need their inventories from the network. A build must not depend on it: it fetches them only
# where DENSA_DOCS_INTERSPHINX=1 says so, as the published documentation does. Without them such names stay plain text.
if os.environ.get("DENSA_DOCS_INTERSPHINX") == "1":
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "skimage": ("https://scikit-image.org/docs/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
        "rasterio": ("https://rasterio.readthedocs.io/en/stable", None),
    }
    intersphinx_timeout = 10
suppress_warnings = ["config.cache"]
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/\d\d_",
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "show_memory": False,
    "capture_repr": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
}


def prose_of_returns(app, what, name, obj, options, lines):
    """Napoleon takes what precedes a colon under Returns or Yields for a type; here it is prose, so make it a dash."""
    for i, line in enumerate(lines[:-1]):
        if line.strip() in ("Returns:", "Yields:"):
            lines[i + 1] = lines[i + 1].replace(": ", " – ")


def skip_fields_of_tuples(app, what, name, obj, skip, options):
    """Fields of named tuples have no docstrings of their own but "Alias for field number 0"; the class describes them."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    """Called by Sphinx; 400 is ahead of napoleon's 500."""
    app.connect("autodoc-skip-member", skip_fields_of_tuples)
    app.connect("autodoc-process-docstring", prose_of_returns, priority=400)
