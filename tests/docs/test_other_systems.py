"""What docs/faq.md says of macOS and Windows: predict, evaluate and report need no module that these lack."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import brats_seg
from brats_seg.artifacts.bundles import save_bundle
from brats_seg.models import UNet
from brats_seg.phantom import write_cohort
from brats_seg.preprocessing import ZScore

PACKAGE = Path(brats_seg.__file__).parent
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
TRAINING = {"training/callbacks/resources.py"}
"""Of the training, which is for Linux."""
WITHOUT = """
import sys
for name in {names}:
    sys.modules[name] = None
import os, signal
for name in ("sched_getaffinity", "O_NONBLOCK", "O_NOFOLLOW"):
    delattr(os, name)
del signal.pthread_sigmask, signal.SIGUSR2, os.getuid, os.sysconf
import brats_seg.cli.main
import {room}
"""


def top_level_imports(path: Path) -> set[str]:
    """Those that run when the module is imported and are not within a `try`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_modules_of_posix_alone_are_guarded() -> None:
    unguarded = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if top_level_imports(path) & POSIX_ONLY
    }
    assert unguarded == TRAINING


@pytest.mark.slow
@pytest.mark.parametrize(
    "room",
    ["brats_seg.inference.run", "brats_seg.evaluation.evaluation", "brats_seg.report.report"],
)
def test_the_rooms_are_imported_without_them(room: str) -> None:
    code = WITHOUT.format(names=sorted(POSIX_ONLY - {"posix"}), room=room)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


COMMANDS = """
import os, signal, sys
for name in {names}:
    sys.modules[name] = None
for name in ("sched_getaffinity", "O_NONBLOCK", "O_NOFOLLOW", "getuid", "sysconf", "killpg", "setsid"):
    delattr(os, name)
del signal.pthread_sigmask, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGKILL, signal.SIGALRM
from brats_seg.cli.main import main
if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_the_commands_run_without_them(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cases", cases=1, seed=0, shape=(32, 40, 32))
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    settings = ZScore().settings()
    save_bundle(tmp_path / "bundle", net, pipeline="b", normalisation=settings, provenance={}, scores={})
    script = tmp_path / "command.py"
    script.write_text(COMMANDS.format(names=sorted(POSIX_ONLY - {"posix"})))
    for arguments in (
        "predict input=cases output=out bundles.b=[bundle] tta=none accelerator=cpu",
        "evaluate predictions=out references=cases output=scores",
        "report predictions=out",
    ):
        call = [sys.executable, str(script), *arguments.split()]
        ended = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
