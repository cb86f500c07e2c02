"""The device is named, and a card that torch cannot use is one line with the remedy, never a silent CPU."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from brats_seg.errors import UserError
from brats_seg.runtime import card as module
from brats_seg.runtime.card import usable_device

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (None, "cpu"),
        ("9.0", "cuda"),
        ("7.5", "cuda"),
        ("7.0", "cuda126"),
        ("8.6\n6.1", "cuda126"),
        ("12.0", "cuda"),
    ],
)
def test_make_chooses_constraints_that_have_code_for_the_oldest_card(
    capabilities: str | None, expected: str, tmp_path: Path
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\nexit 1\n" if capabilities is None else f"#!/bin/sh\necho '{capabilities}'\n"
    )
    program.chmod(0o755)
    show = ["make", "-s", "--no-print-directory", "--eval", "show: ; @echo $(CONSTRAINTS)", "show"]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(show, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.stdout.strip() == f"constraints/{expected}.txt", done.stderr
    assert (ROOT / "constraints" / f"{expected}.txt").is_file()


def test_constraints_for_older_cards_have_no_broken_cudnn_and_one_torch() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints" / "cuda126.txt").read_text().splitlines()
        if "==" in line
    )
    version = tuple(int(part) for part in pins["nvidia-cudnn-cu12"].split(".")[:2])
    assert version < (9, 8) or version >= (9, 15)
    assert Requirement("torch>=2.6,!=2.9.*").specifier.contains(pins["torch"])
    shared = (ROOT / "constraints" / "common.txt").read_text().splitlines()
    assert not [line for line in shared if line.startswith(("torch==", "triton=="))]
