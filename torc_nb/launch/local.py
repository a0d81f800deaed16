"""Workers on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from torc_nb.errors import LaunchError
from torc_nb.launch.launched import Launched
from torc_nb.models import WorkerSettings
from torc_nb.worker.errand import WORK, Errand

if TYPE_CHECKING:
    from torc_nb.launch.carrier import AnyJob


def start_local(settings: WorkerSettings, folder: Path, *, work: str = WORK) -> Launched:
    """Start a worker on this machine, in the background, and return at once.

    It is in a session of its own, so that neither Jupyter's stop button, nor the end of the kernel, nor a closed
    terminal reaches it. Its environment and working folder are those of this process.

    Parameters
    ----------
    settings : WorkerSettings
        What the worker is told.
    folder : Path
        Where the launch gets a folder of its own, with the worker's log.
    work : str, default "torc_nb.worker:run"
        The function that is called with the settings, in the new process.

    Raises
    ------
    LaunchError
        This machine refuses to start a process, or to write into the folder.
    """
    # submitit costs a tenth of a second, and a kernel that only looks at results does without.
    from torc_nb.launch.carrier import log_path
    from torc_nb.launch.local_executor import DetachedExecutor

    try:
        executor = DetachedExecutor(folder)
        job: AnyJob = executor.submit(Errand(work, settings))
    except OSError as error:
        raise LaunchError(f"Cannot start a worker on this machine: {error}") from error
    return Launched(job.job_id, str(log_path(executor.folder, 0)))


def stop_local(pid: int) -> None:
    """Tell a worker on this machine to end; one that is gone already, or somebody else's, is left alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGTERM)
