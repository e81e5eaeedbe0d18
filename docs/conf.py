"""Settings of Sphinx: `sphinx-build -W docs site`."""

from importlib.metadata import version as version_of

project = "ase-rfhgn"
author = "The ase-rfhgn developers"
version = release = version_of("ase-rfhgn")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
templates_path: list[str] = []

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
add_module_names = False
default_role = "py:obj"
numpydoc_show_class_members = True
numpydoc_show_inherited_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"ase-rfhgn {version}"
html_static_path: list[str] = []
html_show_copyright = False
