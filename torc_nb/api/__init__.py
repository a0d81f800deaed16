"""What every face calls."""

from torc_nb.api.api import Api, make_api
from torc_nb.api.inspection import MapStatus, Output, Status
from torc_nb.api.launching import Brought
from torc_nb.api.mapping import AnyFunction, Mapped, sentence

__all__ = ["AnyFunction", "Api", "Brought", "MapStatus", "Mapped", "Output", "Status", "make_api", "sentence"]
