"""The device is named, and a card that torch cannot use is one line with the remedy, never a silent CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.runtime import card as module
from brats_seg.runtime.card import usable_device


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose driver shows a card; the program that shows it."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA Something (UUID: GPU-1)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv(module.VISIBLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return program


def test_without_a_card_the_cpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    assert usable_device("auto").startswith("CPU, ")


def test_a_card_that_torch_does_not_see_is_one_line(card: Path) -> None:
    with pytest.raises(
        UserError, match=r"NVIDIA card, but torch .* cannot use it .*trainer\.accelerator=cpu"
    ):
        usable_device("auto", "trainer.accelerator")
    assert usable_device("cpu").startswith("CPU, ")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_card_is_not_missed(card: Path, hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.VISIBLE, hidden)
    assert usable_device("auto").startswith("CPU, ")


def test_a_driver_without_a_card_is_no_card(card: Path) -> None:
    card.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    assert usable_device("auto").startswith("CPU, ")


class Properties:
    name, total_memory = "Tesla V100", 32 * 2**30


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A card of compute capability 7.0 that torch sees."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: Properties.name)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Properties)
    return monkeypatch


def test_a_card_without_kernels_is_one_line(seen: pytest.MonkeyPatch) -> None:
    seen.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_90", "compute_120"])
    with pytest.raises(
        UserError, match=r"no code for Tesla V100 \(compute capability 7\.0\).*CUDA 12\.6 for Volta"
    ):
        usable_device("gpu")


def test_a_card_with_kernels_is_named(seen: pytest.MonkeyPatch) -> None:
    seen.setattr(torch.cuda, "get_arch_list", lambda: ["sm_70"])
    assert usable_device("gpu") == "Tesla V100 (32 GiB)"
