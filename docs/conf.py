"""How the documentation is built: `make docs`."""

import os
import sys
from pathlib import Path

import disvae

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # where the extension `registries` lies

project = "disvae"
author = "The disvae authors"
copyright = "the disvae authors, MIT licence"
release = disvae.__version__

del disvae.train.__signature__  # all its options, for notebooks; here they have their own page

extensions = [
    "myst_nb",  # MyST pages, and notebooks that are executed
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "registries",
]
exclude_patterns = ["templates"]
templates_path = ["templates"]
highlight_language = "text"  # commands and formulas; Python says so
smartquotes = False  # `--option` keeps its hyphens
nitpicky = False  # the types of other projects have no pages here

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# Notebooks run in folders of their own, on the datasets that are prepared in the checkout.
os.environ.setdefault("DISVAE_DATA", str(HERE.parent / "data"))
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # tqdm's, without ipywidgets
nb_execution_mode = "cache"  # one that did not change is not run again
nb_execution_cache_path = str(HERE.parent / "build/notebooks")
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_render_markdown_format = "myst"  # tables too

autosummary_imported_members = True
autosummary_ignore_module_all = False
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = f"disvae {release}"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navbar_align": "left",
    "header_links_before_dropdown": 5,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
}
