"""The extension of Jupyter's server: its settings, and its beginning and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import List, Unicode

from torc_nb.server.databases import Databases
from torc_nb.server.routes import routes
from torc_nb.server.sources import Source, sources


class TorcNb(ExtensionApp):
    """Workflows of torc_nb, for the panel in JupyterLab."""

    name = "torc_nb"
    databases: Any = List(
        Unicode(),
        help="Databases that the panel shows besides those that this user opened: postgresql:// URLs, or paths of "
        "SQLite files.",
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """Add the addresses of the panel."""
        self._databases = Databases(self._sources)
        self.handlers.extend(routes(self._databases))

    def _sources(self) -> list[Source]:
        assert self.serverapp is not None
        return sources(self.databases, Path(self.serverapp.root_dir))

    async def stop_extension(self) -> None:
        """Close what is open."""
        self._databases.close()
