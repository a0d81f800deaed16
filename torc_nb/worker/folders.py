"""The folders of an attempt: a scratch on its node that goes with it, and an output folder that stays if it succeeds.

A job writes its output into a draft, which takes the place of what an earlier attempt left when, and only when, this
one has succeeded. The draft of an attempt that failed is kept for its user to look at until the next one fails or
succeeds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from torc_nb import private

#: How many jobs have their output folders side by side.
_TOGETHER = 1000


def outdir_of(files: Path, job_id: int) -> Path:
    """Return where a job's output stands when it has succeeded, given the workflow's folder."""
    return files / "out" / f"{job_id // _TOGETHER:03d}" / str(job_id)


class Folders(NamedTuple):
    """The folders of one attempt, by their paths; nothing is made until it is asked for.

    Attributes
    ----------
    node : str
        The worker's folder on this node.
    files : str
        The workflow's folder.
    """

    node: str
    files: str
    job_id: int
    attempt: int

    @property
    def scratch(self) -> Path:
        """Where the attempt may leave what nobody needs after it."""
        return Path(self.node) / f"job-{self.job_id}-{self.attempt}"

    @property
    def draft(self) -> Path:
        """Where it writes its output."""
        return self._beside(f"draft-{self.attempt}")

    @property
    def failed(self) -> Path:
        """Where the output of the last attempt that failed stands."""
        return self._beside("failed")

    @property
    def final(self) -> Path:
        """Where its output stands when it has succeeded."""
        return outdir_of(Path(self.files), self.job_id)

    def make_scratch(self) -> Path:
        """Make the scratch."""
        self.scratch.mkdir(mode=0o700, exist_ok=True)
        return self.scratch

    def make_draft(self) -> Path:
        """Make the folder to write output to."""
        private.make_folder(self.draft)
        return self.draft

    def publish(self) -> None:
        """Put what was written in the place of what an earlier attempt left; nothing where nothing was written."""
        if not os.path.isdir(self.draft):  # noqa: PTH112 - asked after every command
            return
        earlier = self._beside(f"old-{self.attempt}")
        with contextlib.suppress(FileNotFoundError):
            self.final.rename(earlier)
        self.draft.rename(self.final)
        for left in (earlier, self.failed, *self._earlier_drafts()):
            shutil.rmtree(left, ignore_errors=True)

    def give_up(self) -> None:
        """Keep what a failed attempt wrote as that."""
        if os.path.isdir(self.draft):  # noqa: PTH112
            shutil.rmtree(self.failed, ignore_errors=True)
            with contextlib.suppress(OSError):  # the disk is full, or another attempt failed at the same moment
                self.draft.rename(self.failed)

    def clear(self) -> None:
        """Remove the scratch."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def lasting(self, paths: Iterable[str]) -> list[str]:
        """Return where files stand when the attempt has succeeded: what it wrote to its output folder moves."""
        draft, final = os.fspath(self.draft), os.fspath(self.final)
        return [final + path[len(draft) :] if f"{path}/".startswith(f"{draft}/") else path for path in paths]

    def _beside(self, ending: str) -> Path:
        return self.final.with_name(f"{self.job_id}.{ending}")

    def _earlier_drafts(self) -> list[Path]:
        """What attempts left that were killed together with their workers."""
        known = {self._beside(f"draft-{attempt}") for attempt in range(1, self.attempt)}
        return [path for path in sorted(known) if path.is_dir()]
