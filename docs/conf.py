"""How Sphinx builds the site: ``make docs``."""

from __future__ import annotations

import sys
from pathlib import Path

import torc_nb

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "torc_nb"
author = copyright = "torc_nb developers"  # noqa: A001  # Sphinx's own name
version = release = torc_nb.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "commands",
    "records",
    "statuses",
]
exclude_patterns = ["extensions", "pictures.py", "replay.py", "screenshots.py"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
smartquotes_action = "De"  # dashes and ellipses; what is quoted is often code

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_preprocess_types = False

# Every reference that is written has to be there; types in signatures, many of them other projects', need not.
nitpicky = True
nitpick_ignore_regex = [("py:(class|obj|data|exc)", ".*")]

html_theme = "furo"
html_title = f"torc_nb {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_prompt_text = "$ "
