"""A signal that comes while Lightning trains does what it would do elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.demos.boring_classes import BoringModel

from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.runtime.signals import plain_signals


def fit(event: Callable[[], Any], folder: Path) -> int:
    """Train four steps, with an event at the second; how many were done."""

    class Event(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
            if trainer.global_step == 2:
                event()

    quiet_lightning()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=4,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Event()],
        default_root_dir=folder,
    )
    with plain_signals(trainer):
        trainer.fit(BoringModel())
    return trainer.global_step


def test_a_handler_of_sigterm_that_was_there_is_asked_alone(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))  # as submitit has one
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    assert fit(lambda: os.kill(os.getpid(), signal.SIGTERM), tmp_path) == 4
    assert told == [signal.SIGTERM]


def test_an_interruption_is_one_and_the_next_is_heard_too(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's job in the background has it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, found))
    before = signal.getsignal(signal.SIGINT)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fit(lambda: signal.raise_signal(signal.SIGINT), tmp_path)
        assert signal.getsignal(signal.SIGINT) is before


def test_an_exit_code_of_somebody_else_stays(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        fit(lambda: sys.exit(7), tmp_path)
    assert stopped.value.code == 7


@pytest.mark.slow
def test_work_before_the_end_is_done_once_and_by_its_owner_alone(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from types import SimpleNamespace
from brats_seg.runtime.signals import plain_signals
trainer = SimpleNamespace(_signal_connector=SimpleNamespace(), strategy=SimpleNamespace(launcher=None))
with plain_signals(trainer, before_end=lambda: print("saved", flush=True)):
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    print("child", os.WTERMSIG(status), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == -signal.SIGTERM, done.stderr
    assert done.stdout.split() == ["child", str(int(signal.SIGTERM)), "saved"]
