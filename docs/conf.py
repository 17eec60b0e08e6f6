"""How Sphinx builds the site: `make docs`."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "projection-consumer"
author = "The projection-consumer authors"
copyright = author
release = version = version_of("projection-consumer")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "projection-consumer"
html_copy_source = False
html_show_sphinx = False

# Only what stands behind the prompt is copied, and never what was printed.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
copybutton_remove_prompts = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": True}

nitpicky = False
suppress_warnings: list[str] = []
