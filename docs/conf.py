"""Sphinx configuration: Markdown pages, and a gallery of executed pages, one per method."""

import os
import sys
from pathlib import Path

# The lecture's pages run on any machine: no graphics card, no display, no progress bars in the text.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

sys.path.insert(0, str(Path(__file__).parent))
import make_fidelity
import make_reference

make_fidelity.write()
make_reference.write()

project = "densa"
author = "The densa authors"
copyright = "2026, the densa authors"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "gallery"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Labels every pixel of an image",
    "page_width": "1340px",
    "body_max_width": "1040px",
    "sidebar_width": "260px",
    "code_font_size": "0.75em",  # lines of 120 characters fit
    "fixed_sidebar": True,
}
autodoc_typehints = "none"  # shapes and ranges stand in the text; arrays' types would bury the signatures
toc_object_entries_show_parents = "hide"
default_role = "code"
napoleon_google_docstring = True
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


def setup(app):
    """Called by Sphinx; 400 is ahead of napoleon's 500."""
    app.connect("autodoc-process-docstring", prose_of_returns, priority=400)
