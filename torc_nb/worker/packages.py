"""Which versions of packages this node's jobs run with."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata


def versions(imports: Iterable[str]) -> dict[str, str]:
    """Return the version of each installed package, by its import name; of torc-nb too."""
    distributions = {"torc_nb": "torc-nb", **{name: name for name in imports}}
    found = {name: _version(distribution) for name, distribution in distributions.items()}
    if None in found.values():  # its import name is not its own: a look through all that is installed tells
        provided = metadata.packages_distributions()
        for name in [name for name, version in found.items() if version is None and name in provided]:
            found[name] = _version(provided[name][0])
    return {name: version for name, version in found.items() if version is not None}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
