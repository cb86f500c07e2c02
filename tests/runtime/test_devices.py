"""One device per training, whichever process asks for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from brats_seg.errors import UserError
from brats_seg.runtime import devices as machine
from brats_seg.runtime.devices import lease_device, list_devices


def test_each_device_is_leased_once_before_one_is_leased_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "lock_folder", lambda: tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-a/1")
    with (
        lease_device(["3", "GPU-a/1"], 2) as first,
        lease_device(["3", "GPU-a/1"], 2) as second,
        lease_device(["3", "GPU-a/1"], 2) as third,
    ):
        assert (first, second, third) == ("3", "GPU-a/1", "3")
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,GPU-a/1"
    with lease_device(["3"], 1) as again:
        assert again == "3"


@pytest.mark.parametrize("kind", ["a link", "a file", "another user's"])
def test_locks_are_not_made_where_somebody_else_may_have_them(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uid = os.getuid() + (kind == "another user's")
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(machine.os, "getuid", lambda: uid)
    folder = machine.lock_folder()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "a link":
        folder.symlink_to(elsewhere)
    elif kind == "a file":
        folder.write_text("")
    else:
        folder.mkdir()
    with (
        pytest.raises(UserError, match=r"no locks for the devices .*: set TMPDIR to a folder of yours$"),
        lease_device(["cpu"], 1),
    ):
        pass
    assert not list(elsewhere.iterdir())


def test_devices_are_those_that_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert list_devices("auto") == ["0", "1"]
    assert list_devices("cpu") == ["cpu"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert list_devices("gpu") == ["5", "7"]
    monkeypatch.setattr(machine.torch.cuda, "device_count", lambda: 0)
    assert list_devices("auto") == ["cpu"]
