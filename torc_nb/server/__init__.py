"""The part of the JupyterLab panel that runs in Jupyter's server: databases, workflows, jobs and actions as JSON.

Under ``{base_url}torc-nb/``, behind the server's own authentication. Nothing is unpickled here, no module of the user's
imported, and no request names a path.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter's server what to load; it is the one that has jupyter_server."""
    from torc_nb.server.extension import TorcNb

    return [{"module": "torc_nb.server", "app": TorcNb}]
