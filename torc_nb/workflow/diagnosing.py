"""What went wrong: failures in groups, a job's output, and its call made again here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torc_nb.api import Api, Output, Reproduction, Why

if TYPE_CHECKING:
    import pandas as pd


class Diagnosing:
    """What a workflow tells of its failures and its jobs' output."""

    _api: Api
    id: int

    def why(self, job: int | None = None) -> Why:
        """Return what a job waits for, or the workflow, as one plain sentence, and what to type next.

        Dependencies, resources that no worker has, walltime left, Slurm's reason in words, no worker at all, a worker
        gone silent, a pause, the database; of a job that runs, where; of one that has ended, how.

        Raises
        ------
        NotFound
            No such job in this workflow.
        """
        return self._api.why(self.id, job)

    def failures(self) -> pd.DataFrame:
        """Return the failed jobs grouped by exception and by the line of your code that raised it.

        Returns
        -------
        DataFrame
            One row a group, the largest first: its name for ``rerun(group=…)``; how many jobs; what all of them share
            and not all that completed have, by parameters, host and version of the code; an example with its job and
            traceback; the ids of some jobs.
        """
        from torc_nb import frames

        return frames.failures(self._api.failures(self.id))

    def reproduce(self, job: int) -> Reproduction:
        """Return the call of a job, with the code and the parameters of its newest attempt; ``call()`` runs it here.

        Its local modules, working folder and random numbers are the attempt's too; nothing is recorded. In a notebook
        ``%torc debug JOB`` calls it and opens the debugger where it fails.

        Raises
        ------
        InvalidRequest
            No such job in this workflow, or it runs a command.
        NotTrusted
            Another user may have written its code.
        CannotLoad
            Its code, or a value, cannot be loaded in this process.
        """
        return self._api.reproduce(self.id, job)

    def logs(self, job: int) -> Output:
        """Return what the newest attempt of a job printed, and its traceback; print it to read it."""
        return self._api.logs(self.id, job)

    def follow(self, job: int) -> None:
        """Print what a job prints as it comes, until it has ended; the stop button ends the following alone."""
        try:
            for text in self._api.follow(self.id, job):
                print(text, end="", flush=True)
        except KeyboardInterrupt:
            print(f"\nNo longer following job {job}; it goes on.")
