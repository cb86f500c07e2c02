"""There is always a whole checkpoint, and no damage passes for one."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.training.callbacks import (
    TwoCheckpoints,
    WholeCheckpointIO,
    checkpoint_files,
    checkpoints,
    usable_checkpoint,
)
from brats_seg.training.callbacks.checkpoint_files import LAST, is_whole


class Power(RuntimeError):
    """It went out."""


END = 100


def state(epoch: int) -> dict[str, Any]:
    return {"epoch": epoch, "weights": torch.arange(4.0) + epoch}


def save(path: Path, epoch: int) -> None:
    WholeCheckpointIO().save_checkpoint(state(epoch), path)


def epoch_end(callback: TwoCheckpoints, epoch: int) -> None:
    def save_checkpoint(path: Path, storage_options: Any = None) -> None:
        WholeCheckpointIO().save_checkpoint(state(epoch), path, storage_options)

    trainer: Any = SimpleNamespace(
        save_checkpoint=save_checkpoint,
        is_global_zero=True,
        current_epoch=epoch,
        max_epochs=END,
        strategy=SimpleNamespace(broadcast=lambda value: value),
    )
    callback.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]


def usable_epoch(folder: Path) -> int:
    path = usable_checkpoint(folder)
    assert path is not None
    return int(torch.load(path, weights_only=True)["epoch"])


def test_a_change_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / LAST
    assert not is_whole(path)
    save(path, 0)
    data = path.read_bytes()
    assert is_whole(path)
    assert torch.load(path, weights_only=True)["weights"].tolist() == [0, 1, 2, 3]
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert not is_whole(path), place
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert not is_whole(path), length


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize(
    "call", range(6)
)  # three renames an epoch: the new one appears, and both others change places
def test_power_may_go_at_any_rename(
    tmp_path: Path, damaged: bool, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in (0, 1):
        epoch_end(TwoCheckpoints(tmp_path), epoch)
    if damaged:
        (tmp_path / LAST).write_bytes(b"PK")
    before = usable_epoch(tmp_path)
    assert before == 1 - damaged
    count, replace = itertools.count(), os.replace

    def cut(source: Any, target: Any) -> None:
        if next(count) == call:
            raise Power
        replace(source, target)

    callback = TwoCheckpoints(tmp_path)
    done = [before]
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", cut)
        try:
            for epoch in (before + 1, before + 2):
                epoch_end(callback, epoch)
                done.append(epoch)
        except Power:
            pass
    assert usable_epoch(tmp_path) >= done[-1]
    epoch_end(TwoCheckpoints(tmp_path), 9)
    (tmp_path / LAST).unlink()
    assert usable_epoch(tmp_path) >= done[-1], "and the one before is kept"


class Clock:
    """Minutes of a clock that a test turns."""

    now = 0.0

    def monotonic(self) -> float:
        return 60 * self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(checkpoints, "time", clock)
    return clock


def started(folder: Path, **options: Any) -> TwoCheckpoints:
    callback = TwoCheckpoints(folder, **options)
    callback.on_train_start(None, None)  # type: ignore[arg-type]
    return callback


def test_a_file_is_written_when_it_is_time_and_at_the_end(tmp_path: Path, clock: Clock) -> None:
    callback = started(tmp_path, minutes=10)
    written = []
    for epoch in range(END - 8, END):
        clock.now += 4
        epoch_end(callback, epoch)
        if callback.held is None:
            written.append(epoch)
            assert usable_epoch(tmp_path) == epoch
    assert written == [END - 6, END - 3, END - 1]


def test_a_file_is_written_with_a_file_of_weights(tmp_path: Path, clock: Clock) -> None:
    callback = started(tmp_path, minutes=10, beside=[SimpleNamespace(wrote=lambda epoch: epoch == 3)])
    for epoch in range(6):
        epoch_end(callback, epoch)
        assert (callback.held is None) == (epoch == 3)
    assert usable_epoch(tmp_path) == 3


def test_what_is_held_is_written_when_the_training_is_ended(tmp_path: Path, clock: Clock) -> None:
    callback = started(tmp_path, minutes=10)
    weights = torch.arange(4.0)
    callback._hold({"epoch": 5, "nested": [{"weights": weights}]})
    weights += 1  # training goes on
    callback.on_exception(None, None, KeyboardInterrupt())  # type: ignore[arg-type]
    found = torch.load(tmp_path / LAST, weights_only=True)
    assert found["nested"][0]["weights"].tolist() == [0, 1, 2, 3]
    (tmp_path / LAST).unlink()
    callback.write_held()
    assert not (tmp_path / LAST).exists(), "it is written once"


def test_a_full_disk_does_not_hide_why_a_training_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise UserError("the disk is full")

    callback = started(tmp_path, minutes=10)
    callback._hold(state(1))
    monkeypatch.setattr(WholeCheckpointIO, "save_checkpoint", full)
    callback.on_exception(None, None, Power())  # type: ignore[arg-type]
    assert capsys.readouterr().out == "the disk is full\n"


@pytest.mark.parametrize(
    ("version", "other", "refused"), [("2.7.1", 1, True), ("2.10.0", 1, False), ("2.7.1", 0, False)]
)
def test_another_users_checkpoint_is_not_loaded_by_a_torch_that_may_run_it(
    version: str, other: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / LAST, 1)
    uid = os.getuid() + other
    monkeypatch.setattr(checkpoint_files.torch, "__version__", version)
    monkeypatch.setattr(checkpoint_files.os, "getuid", lambda: uid)
    if refused:
        with pytest.raises(UserError, match=r"another user, and .* may run code in it .* torch 2\.10"):
            usable_checkpoint(tmp_path)
    else:
        assert usable_checkpoint(tmp_path) == tmp_path / LAST
