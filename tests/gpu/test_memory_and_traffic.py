"""What a training step would hold and move on a card, by a pretended one: g++ is needed, a card is not."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brats_seg.inference.batches import BYTES_PER_VALUE

FOLDER = Path(__file__).with_name("fake_cuda")
pytestmark = pytest.mark.slow
Step = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that pretends."""
    if shutil.which("g++") is None:
        pytest.skip("NO g++: memory and traffic of the CUDA path are NOT tested")
    spec = importlib.util.spec_from_file_location("pretended_device", FOLDER / "device.py")
    assert spec is not None
    assert spec.loader is not None
    device = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(device)
    library = tmp_path_factory.mktemp("guard") / "libguard.so"
    device.build(library)
    return library


@pytest.fixture(scope="session")
def step(guard: Path) -> Step:
    """Runs a step in a process of its own; equal ones run once."""
    known: dict[str, dict[str, Any]] = {}

    def run(**settings: Any) -> dict[str, Any]:
        text = json.dumps(settings, sort_keys=True)
        if text not in known:
            (known[text],) = measured(guard, [text])
        return known[text]

    return run


def measured(guard: Path, settings: list[str]) -> list[dict[str, Any]]:
    """Steps in one process."""
    command = [sys.executable, str(FOLDER / "step.py"), str(guard), *settings]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


A: dict[str, Any] = {}
PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
NETWORKS = {"A": {}, "A with attention": {"attention": True}, "B": {"norm": "instance"}}
HOW = ({"dtype": "float16"}, {"checkpointing": True}, {"dtype": "float32"})
BESIDES_GIB = 1.3
"""CUDA's context, cuDNN's workspace, the optimiser's numbers."""
CARDS_GB = (4, 6, 8, 12, 16, 24)
B: dict[str, Any] = {"norm": "instance", "batch": 3}


@pytest.mark.parametrize(("settings", "gib", "gigabytes"), [(A, 3.1, 30), (B, 8.8, 80)], ids=["A", "B"])
def test_a_step_of_the_paper_is_small(
    step: Step, settings: dict[str, Any], gib: float, gigabytes: float
) -> None:
    """Before: A 6.19 GiB and 71 GB, B 10.1 GiB and 148 GB."""
    found = step(**settings)
    assert found["peak_gib"] <= gib
    assert found["moved_gb"] <= gigabytes


@pytest.mark.parametrize("settings", [A, B], ids=["A", "B"])
def test_no_feature_map_changes_its_layout(step: Step, settings: dict[str, Any]) -> None:
    """What is left are weights that are cast, and the three channels of a head."""
    found = step(**settings)
    assert found["layout_gb"] + found["hidden_gb"] < 0.05 * settings.get("batch", 1) + 0.05
    assert "native_group_norm" not in found["calls"]
    assert "upsample_trilinear3d" not in found["calls"]
    assert found["calls"]["norm_relu"] == found["calls"]["norm_relu_backward"] == 17


def test_16_bit_halves_the_memory(step: Step) -> None:
    assert step(dtype="float16")["peak_gib"] < 0.6 * step(dtype="float32")["peak_gib"]
    assert step(dtype="bfloat16")["peak_gib"] == step(dtype="float16")["peak_gib"]


def test_the_plain_norms_stay_in_16_bit(step: Step) -> None:
    found = step(fused=False)
    assert found["peak_gib"] < 0.6 * step(dtype="float32")["peak_gib"]
    assert found["moved_gb"] > 1.4 * step()["moved_gb"]


def test_checkpointing_saves(step: Step) -> None:
    assert step(checkpointing=True)["peak_gib"] < 0.75 * step()["peak_gib"]
    assert step(checkpointing=True)["held_gib"] < 0.5 * step()["held_gib"]


def test_attention_fits_as_well(step: Step) -> None:
    assert step(attention=True)["peak_gib"] <= 3.5


@pytest.mark.parametrize("norm", ["group", "instance"])
@pytest.mark.parametrize("precision", ["16-mixed", "32-true"])
def test_a_view_takes_what_the_number_of_views_is_reckoned_by(step: Step, norm: str, precision: str) -> None:
    dtype = {"16-mixed": "float16", "32-true": "float32"}[precision]
    for batch in (1, 4):
        found = step(norm=norm, batch=batch, dtype=dtype, predict=True)["bytes_per_value"]
        assert 0.8 * BYTES_PER_VALUE[precision] < found <= BYTES_PER_VALUE[precision]


def test_the_table_in_the_docs_is_what_is_measured(guard: Path) -> None:
    rows = [(name, batch) for name in NETWORKS for batch in (1, 3)]
    settings = [{**NETWORKS[name], "batch": batch, **how} for name, batch in rows for how in HOW]
    found = measured(guard, [json.dumps(each) for each in settings])
    lines = []
    for name, batch in rows:
        (half, saving, single), found = found[:3], found[3:]
        card = next(size for size in CARDS_GB if half["peak_gib"] + BESIDES_GIB < 0.95 * size)
        cells = [f"{each['peak_gib']:.1f} GiB, {each['moved_gb']:.0f} GB" for each in (half, saving, single)]
        lines.append(f"| {name}, batch {batch} | {' | '.join(cells)} | {card} GB |")
    told = PERFORMANCE.read_text(encoding="utf-8")
    assert "\n".join(lines) in told, "docs/performance.md should have\n" + "\n".join(lines)
