"""There is always a whole checkpoint, and no damage passes for one."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brats_seg.training.callbacks import TwoCheckpoints, WholeCheckpointIO, usable_checkpoint
from brats_seg.training.callbacks.checkpoints import LAST, is_whole


class Power(RuntimeError):
    """It went out."""


def save(path: Path, epoch: int) -> None:
    WholeCheckpointIO().save_checkpoint({"epoch": epoch, "weights": torch.arange(4.0) + epoch}, path)


def epoch_end(callback: TwoCheckpoints, epoch: int) -> None:
    trainer: Any = SimpleNamespace(save_checkpoint=lambda path: save(path, epoch), is_global_zero=True)
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
