"""The same work here and in processes; one that dies is one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from brats_seg import parallel
from brats_seg.errors import UserError
from brats_seg.parallel import each

WAITS = """
import os, sys, time
from pathlib import Path
from brats_seg.parallel import each

def wait(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    list(each(wait, [sys.argv[1]] * 4, 2))
"""


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(each(abs, [-3, 1, -2], workers)) == [3, 1, 2]
    assert list(each(abs, [], workers)) == []


def test_one_item_needs_no_process() -> None:
    assert list(each(id, [None], 8)) == [id(None)]
    assert list(each(lambda item: os.getpid(), [0], 8)) == [os.getpid()]


def test_a_process_that_dies_is_one_line() -> None:
    with pytest.raises(UserError, match=r"a process died, .* fewer workers"):
        list(each(signal.raise_signal, [signal.SIGKILL, signal.SIGKILL], 2))
    with pytest.raises(UserError, match=r"a process died \(exit code 3\): see above"):
        list(each(exec, ["import os; os._exit(3)"] * 2, 2))


def is_running(process: str) -> bool:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    (tmp_path / "at_work").mkdir()
    command = [sys.executable, tmp_path / "waits.py", tmp_path / "at_work"]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(list((tmp_path / "at_work").iterdir())) < 2:
        assert started.poll() is None
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(started.pid, number)  # as a terminal does, to every process
    else:
        started.send_signal(number)
    _, said = started.communicate()
    assert said.count("Traceback") == (1 if number == signal.SIGINT else 0), "that of this process alone"
    workers = [path.name for path in (tmp_path / "at_work").iterdir()]
    deadline = time.monotonic() + 30 * parallel.WATCH_SECONDS
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_interruption_while_the_work_is_handed_out_ends_the_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes when signals are let through again, and must find the processes."""
    submit = parallel.ProcessPoolExecutor.submit

    def interrupted(pool: Any, *work: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return submit(pool, *work)

    monkeypatch.setattr(parallel.ProcessPoolExecutor, "submit", interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(each(time.sleep, [60, 60], 2))
    assert time.monotonic() - began < 30


def test_without_shared_memory_this_process_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")  # of a semaphore, without /dev/shm

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", refuse)
    assert list(each(lambda item: os.getpid(), [1, 2], 2)) == [os.getpid()] * 2
    assert "this one does the work" in capsys.readouterr().err
