"""submitit's local executor, without its controller."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from torc_nb.launch.carrier import (
    AnyJob,
    DelayedSubmission,
    LocalExecutor,
    LocalJob,
    begin_command,
    log_path,
    new_folder,
    write_errands,
)


class DetachedExecutor(LocalExecutor):
    """Starts the process itself, where submitit puts a controller between.

    The controller would share the kernel's process group, end the worker after two minutes, hide all GPUs, and
    cost a second start of Python.
    """

    def __init__(self, parent: Path) -> None:
        super().__init__(new_folder(parent, "local"))

    def _internal_process_submissions(self, delayed_submissions: Sequence[DelayedSubmission]) -> list[AnyJob]:
        write_errands(self.folder, delayed_submissions)
        return [self._start(number) for number in range(len(delayed_submissions))]

    def _start(self, number: int) -> AnyJob:
        log = os.open(log_path(self.folder, number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                [*begin_command(self.folder), str(number)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(log)
        # A dead child that nobody waits for would keep its process id, and pass for alive.
        threading.Thread(target=process.wait, name=f"torc_nb worker {process.pid}", daemon=True).start()
        return LocalJob(self.folder, str(process.pid), process=process)
