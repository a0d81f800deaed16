"""submitit's Slurm executor, for allocations of one node with one worker."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torc_nb import private
from torc_nb.errors import LaunchError
from torc_nb.launch.carrier import (
    AnyJob,
    DelayedSubmission,
    SlurmExecutor,
    SlurmJob,
    begin_command,
    log_path,
    new_folder,
    write_errands,
)
from torc_nb.slurm import submit


class OneNodeExecutor(SlurmExecutor):
    """Submits with a given environment, and leaves the worker alone on its node.

    The worker takes the place of the batch script's shell; there is no srun. So it has every CPU and all memory of
    the allocation without restating them, starts sooner, gets the SIGTERM of scancel and of the time limit itself,
    and an srun or mpirun of the user's finds the allocation's CPUs free.

    Nothing may ask a submitit job for its state, nor print one: that calls sacct.
    """

    def __init__(
        self,
        parent: Path,
        options: Mapping[str, Any],
        setup: Sequence[str],
        environment: Mapping[str, str],
        *,
        one_by_one: bool = False,
    ) -> None:
        super().__init__(new_folder(parent, "slurm"))
        self._one_by_one = one_by_one
        self._environment = environment
        self.update_parameters(
            # Given here, an option that submitit knows by another form (time, in minutes) is left as it is.
            additional_parameters=dict(options),
            setup=[_checked(line) for line in setup],
            stderr_to_stdout=True,
            use_srun=False,
            job_name=None,
            time=None,
            wckey=None,
        )

    def _internal_process_submissions(self, delayed_submissions: Sequence[DelayedSubmission]) -> list[AnyJob]:
        # submitit's own submits an array by another, plain executor, which lacks all that differs here.
        count = len(delayed_submissions)
        write_errands(self.folder, delayed_submissions)
        for number in range(count):
            log_path(self.folder, number).touch(mode=0o600)  # Slurm would make it with the user's umask
        if count > 1:
            self.parameters |= {"map_count": count, "array_parallelism": 1 if self._one_by_one else count}
        # A job that is no array's task has no %a.
        self.parameters["additional_parameters"]["output"] = log_path(self.folder, "%a" if count > 1 else 0)
        try:
            first = self._submit_command(self._submitit_command_str)
        except LaunchError:
            shutil.rmtree(self.folder)
            raise
        if count == 1:
            return [first]
        return [SlurmJob(self.folder, f"{first.job_id}_{number}", tasks=[0]) for number in range(count)]

    @property
    def _submitit_command_str(self) -> str:
        number = '"$SLURM_ARRAY_TASK_ID"' if "map_count" in self.parameters else "0"
        return f"exec {shlex.join(begin_command(self.folder))} {number}"

    def _make_submission_file_text(self, command: str, uid: str) -> str:
        text = super()._make_submission_file_text(command, uid)
        if "signal" in self.parameters["additional_parameters"]:
            return text
        # submitit's call to save and requeue; it would kill a worker, which knows its walltime anyway.
        return re.sub(r"^#SBATCH --signal=.*\n", "", text, flags=re.MULTILINE)

    def _submit_command(self, command: str) -> AnyJob:
        script = self.folder / "submission.sh"
        private.write_text(script, self._make_submission_file_text(command, ""))
        said = submit(self._make_submission_command(script)[1:], self._environment)
        job: AnyJob = SlurmJob(self.folder, self._get_job_id_from_submission_command(said), tasks=[0])
        return job


def _checked(setup: str) -> str:
    """A setup line, after which the script ends if it failed: jobs in half an environment would fail one by one."""
    complaint = shlex.quote(f"torc_nb: this setup line failed: {setup}")
    return f'{{\n{setup}\n}} || {{ code=$?; echo {complaint} "(exit code $code)"; exit $code; }}'
