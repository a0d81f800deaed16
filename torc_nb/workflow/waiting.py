"""Waiting for jobs, with a progress bar; what can never end is said instead of waited for."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator

from torc_nb.api import Api
from torc_nb.models import JobStatus
from torc_nb.widgets import main_thread, refreshing
from torc_nb.widgets.progress import Bar

#: The shortest and the longest pause between two looks at the database, in seconds, and its share of the wait so far:
#: what took a second is noticed within some hundredths.
_SHORTEST, _LONGEST, _SHARE = 0.01, 0.5, 0.02
#: How often allocations and dead workers are looked after, in seconds.
_LOOK_AFTER = 5.0


class Waits(ABC):
    """What has jobs that can be waited for."""

    _api: Api
    _workflow_id: int
    _map_id: int | None = None  # where it is a map that is waited for
    name: str

    @abstractmethod
    def _numbers(self) -> dict[JobStatus, int]:
        """Count its jobs, postprocess included, by status."""

    def wait(self, timeout: float | None = None, *, progress: bool = True) -> None:
        """Wait until all its jobs, postprocess included, have finished; nothing depends on waiting.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which waiting, but not the jobs, is given up.
        progress : bool, default True
            Whether a bar is shown.

        Raises
        ------
        TimeoutError
            ``timeout`` seconds passed before; the jobs go on.
        LaunchError
            No worker runs or is coming, or none fits, so that it would wait for ever.
        MapStopped
            So many jobs have failed that no further one begins: see ``map(…, max_failures=…)``.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with Bar(self.name, enabled=progress) as bar:
            for _ in looks(self._api, self._workflow_id, self._map_id):
                numbers = self._numbers()
                bar.update(numbers)
                main_thread.do_wanted()  # no cell that runs lets go of the main thread but here
                if all(one.is_finished for one, n in numbers.items() if n):
                    break
                if deadline is not None and time.monotonic() > deadline:
                    left = sum(n for one, n in numbers.items() if not one.is_finished)
                    raise TimeoutError(f"{left:,} jobs had not finished after {timeout:g} s; they go on.")
        refreshing.finish()
        self._api.cancel_idle(self._workflow_id)


def looks(api: Api, workflow_id: int, map_id: int | None = None) -> Iterator[None]:
    """Give the moments at which to look whether what is waited for is there: at first soon, later seldom.

    Raises
    ------
    LaunchError, MapStopped
        It would wait for ever.
    """
    began, looked_after = time.monotonic(), 0.0
    while True:
        yield
        if time.monotonic() - looked_after > _LOOK_AFTER:
            api.check_progress(workflow_id, map_id)
            looked_after = time.monotonic()
        time.sleep(min(_LONGEST, max(_SHORTEST, _SHARE * (time.monotonic() - began))))
