"""Workers on this machine, each a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from launch.conftest import Answers, gone, until

from torc_nb.errors import LaunchError
from torc_nb.launch import Launched, last_words, start_local


def start(answers: Answers, folder: Path, pids: list[int], work: str = "answer", seconds: float = 60.0) -> Launched:
    """Start one of the works."""
    launched = start_local(answers.settings(seconds=seconds), folder, work=f"launch.works:{work}")
    pids.append(int(launched.scheduler_job))
    return launched


def test_a_worker_gets_its_settings_in_a_process_of_its_own(answers, tmp_path, leave_none):
    """It has the settings, its own session, this process's Python and working folder; its pid is returned."""
    launched = start(answers, tmp_path / "files", leave_none, "report")
    about = answers.wait()
    assert about["settings"] == list(answers.settings())
    assert about["pid"] == about["session"] == int(launched.scheduler_job) != os.getpid()
    assert about["python"] == sys.executable
    assert about["folder"] == str(Path.cwd())


def test_starting_does_not_wait_for_the_worker(answers, tmp_path, leave_none):
    """The call returns while the worker still works: it answers a question asked afterwards."""
    start(answers, tmp_path, leave_none)
    answers.ask("are you there?")


@pytest.mark.parametrize("devices", ["0,1", "", None])
def test_gpus_stay_as_the_user_has_them(answers, tmp_path, leave_none, monkeypatch, devices):
    """CUDA_VISIBLE_DEVICES reaches the worker unchanged, set, empty or unset; submitit would hide all GPUs."""
    if devices is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    start(answers, tmp_path, leave_none, "report")
    assert answers.wait()["environment"].get("CUDA_VISIBLE_DEVICES") == devices


def test_no_signal_handler_stands_before_the_worker_s_own(answers, tmp_path, leave_none):
    """None of submitit's handlers is there when the worker begins."""
    start(answers, tmp_path, leave_none, "report")
    handlers = answers.wait()["handlers"]
    assert "SIGTERM" in handlers
    assert not [module for module in handlers.values() if module and "submitit" in module]


def test_sigterm_reaches_the_worker_s_handler(answers, tmp_path, leave_none):
    """The worker can leave in good order; its log and its process id are then free."""
    launched = start(answers, tmp_path, leave_none)
    answers.wait()
    os.kill(int(launched.scheduler_job), signal.SIGTERM)
    assert answers.wait("signals") == ["SIGTERM"]
    until(lambda: gone(int(launched.scheduler_job)), 20, "still there")
    assert last_words(launched.log) == "leaving after ['SIGTERM']"


def test_a_killed_worker_leaves_no_zombie(answers, tmp_path, leave_none):
    """A dead child that nobody waited for would keep its process id, and pass for alive."""
    launched = start(answers, tmp_path, leave_none)
    answers.wait()
    os.kill(int(launched.scheduler_job), signal.SIGKILL)
    until(lambda: gone(int(launched.scheduler_job)), 20, "still there")


PARENT = """
import os, pty, signal, sys, time
from pathlib import Path
from launch.conftest import Answers
from torc_nb.launch import start_local
from torc_nb.models import WorkerSettings

launched = start_local(WorkerSettings(*{settings}), Path({folder!r}), work="launch.works:answer")
# A handler, as one interrupt may follow while another is told of.
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"interrupted\\n"))
print(launched.scheduler_job, flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def terminal(answers: Answers, tmp_path: Path, leave_none: list[int]):
    """A terminal in which a process started a worker: the process, and the terminal's own end."""
    ours, its = os.openpty()
    script = PARENT.format(settings=list(answers.settings()), folder=str(tmp_path / "files"))
    take_terminal = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", take_terminal + script],
        stdin=its,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    os.close(its)
    try:
        assert process.stdout
        leave_none.append(int(process.stdout.readline()))
        answers.wait()
        yield process, ours
    finally:
        process.kill()
        process.communicate()
        try:
            os.close(ours)
        except OSError:
            pass


def test_an_interrupt_of_the_kernel_does_not_reach_the_worker(terminal, answers):
    """Jupyter's stop button signals the kernel's process group, Ctrl-C the terminal's."""
    process, ours = terminal
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    os.write(ours, b"\x03")
    assert process.stdout.readline() == "interrupted\n"
    answers.ask("still there?")


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_worker_outlives_its_kernel(terminal, answers, blow):
    """The kernel's whole process group is shut down, hung up or killed; the worker goes on."""
    process, _ = terminal
    os.killpg(process.pid, blow)
    assert process.wait(20) == -blow
    answers.ask("still there?")


def test_the_worker_outlives_a_closed_terminal(terminal, answers):
    """A terminal that goes away hangs up on its session; the worker is not in it."""
    process, ours = terminal
    os.close(ours)
    assert process.wait(20) == -signal.SIGHUP
    answers.ask("still there?")


@pytest.mark.parametrize("work", ["launch.works:fail", "no_such_module:run", "launch.works:no_such_function"])
def test_last_words_of_a_worker_that_fails_are_its_traceback(answers, tmp_path, leave_none, work):
    """What goes wrong before a worker can report stands at the end of its log."""
    launched = start_local(answers.settings(), tmp_path, work=work)
    pid = int(launched.scheduler_job)
    until(lambda: gone(pid), 20, "still there")
    module, _, function = work.partition(":")
    expected = "RuntimeError: no such database" if function == "fail" else repr(module if "_" in module else function)
    assert expected in last_words(launched.log).splitlines()[-1]


def test_last_words_are_the_last_lines_of_a_long_log(answers, tmp_path, leave_none):
    """Of a large log only its end is read, in whole characters or their replacement."""
    launched = start(answers, tmp_path, leave_none, "chatter")
    until(lambda: gone(int(launched.scheduler_job)), 20, "still there")
    assert last_words(launched.log, 2) == "line 99998 é\nline 99999 é"
    assert len(last_words(launched.log).splitlines()) == 20
    assert last_words(launched.log + ".none") == ""


def test_what_a_launch_leaves_is_private(answers, tmp_path, leave_none):
    """The settings name the database: nobody else need look."""
    launched = start(answers, tmp_path / "files", leave_none, "report")
    answers.wait()
    folder = Path(launched.log).parent
    assert folder.parent == tmp_path / "files"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_workers_started_at_once_get_each_its_own_settings(answers, tmp_path, leave_none):
    """Launches from several threads do not mix, and each has its log."""
    launched: list[Launched] = []

    def one(allocation_id: int) -> None:
        settings = answers.settings(allocation_id)
        launched.append(start_local(settings, tmp_path / "files", work="launch.works:report"))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pids = {answers.wait(allocation_id=number)["pid"] for number in range(6)}
    assert pids == {int(one.scheduler_job) for one in launched}
    assert len({one.log for one in launched}) == 6


def test_any_folder_will_do(answers, tmp_path, leave_none):
    """Names with quotes, blanks, dollars and what submitit takes for placeholders are only names."""
    launched = start(answers, tmp_path / "it's %j 100% $HOME", leave_none, "report")
    answers.wait()
    assert Path(launched.log).exists()


def test_files_of_the_user_do_not_stand_in_for_modules(answers, tmp_path, leave_none, monkeypatch):
    """A notebook's folder may hold a logging.py; the worker starts all the same."""
    (tmp_path / "logging.py").write_text("raise RuntimeError('the wrong logging')")
    monkeypatch.chdir(tmp_path)
    start(answers, tmp_path, leave_none, "report")
    assert answers.wait()["folder"] == str(tmp_path)


def test_a_folder_that_cannot_be_made_is_a_launch_error(answers, tmp_path):
    """The message says what is wrong with the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(LaunchError, match="file"):
        start_local(answers.settings(), tmp_path / "file" / "below", work="launch.works:report")


def test_a_worker_starts_with_little(answers, tmp_path, leave_none):
    """Nothing that a worker may not need is imported before it begins."""
    start(answers, tmp_path, leave_none, "report")
    modules = set(answers.wait()["modules"])
    absent = {"numpy", "pandas", "IPython", "ipywidgets", "jupyterlab", "sqlalchemy", "pydantic", "submitit"}
    assert not modules & absent


def test_launching_does_to_the_kernel_nothing_but_start_a_worker(answers, tmp_path, leave_none):
    """Importing the layer imports no submitit; launching leaves the environment and the user's log files alone."""
    script = f"""
import logging, os, sys
from pathlib import Path
from torc_nb.launch import start_local
from torc_nb.models import WorkerSettings
assert "submitit" not in sys.modules
logging.basicConfig(filename={str(tmp_path / "user.log")!r}, filemode="w")
environment = dict(os.environ)
logging.warning("before")
start_local(WorkerSettings(*{list(answers.settings())}), Path({str(tmp_path)!r}), work="launch.works:report")
logging.warning("after")
assert environment == dict(os.environ)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "user.log").read_text() == "WARNING:root:before\nWARNING:root:after\n"
    answers.wait()


@pytest.mark.timeout(720)
def test_a_worker_may_be_older_than_ten_minutes(old_worker):
    """None of submitit's time limits (2 and 5 minutes) holds."""
    until(lambda: age(int(old_worker.launched.scheduler_job)) > 610, 660, "it is younger")
    old_worker.answers.wait()
    old_worker.answers.ask("still there?")


def age(pid: int) -> float:
    """Seconds since a process started; it has to be there."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - ticks / os.sysconf("SC_CLK_TCK")
