"""On a GPU: the label maps of a CPU, views in batches, low precision, windows where memory is too small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brats_seg import nifti
from brats_seg.artifacts.bundles import Bundle
from brats_seg.cases import Case, LoadedCase, find_cases, read_case
from brats_seg.inference.answers import Prediction
from brats_seg.inference.batches import views_at_once
from brats_seg.inference.ensemble import Pass, accumulate, make_ensembles
from brats_seg.inference.segment import segment
from brats_seg.inference.settings import Settings
from brats_seg.inference.tta import VIEWS

DEVICE = "cuda"
Bundles = dict[Any, list[Bundle]]
pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="no GPU on this machine: prediction on CUDA is not compared with that on a CPU",
)


@pytest.fixture(autouse=True)
def float32_is_float32() -> Iterator[None]:
    """And not TF32, which rounds to ten bits; torch's own default for convolutions."""
    before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def all_memory() -> Iterator[None]:
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.fixture
def bundles(make_bundle: Any) -> Bundles:
    return {"a": [make_bundle("a", 1), make_bundle("a", 2)], "b": [make_bundle("b", 3)]}


@pytest.fixture
def small(write_case: Any) -> LoadedCase:
    return read_case(find_cases(write_case("x"))[0])


def answer(bundles: Bundles, loaded: LoadedCase, device: str, **settings: Any) -> Prediction:
    ensembles = make_ensembles(bundles, device=device)
    asked = {"precision": "32-true", "labels_input": "brats2020", "probabilities": True, **settings}
    return segment(loaded, ensembles, Settings.default(**asked))


@pytest.mark.parametrize(
    ("precision", "difference", "alike"),
    [("32-true", 1e-4, 0.999), ("16-mixed", 0.005, 0.98), ("bf16-mixed", 0.01, 0.95)],
)
def test_the_maps_of_a_cpu(
    bundles: Bundles, small: LoadedCase, precision: str, difference: float, alike: float
) -> None:
    if precision == "bf16-mixed" and not torch.cuda.is_bf16_supported():
        pytest.skip("this GPU has no bf16")
    here, there = answer(bundles, small, DEVICE, precision=precision), answer(bundles, small, "cpu")
    for which in ("a", "b", "merged"):
        assert (here.answers[which].label_map == there.answers[which].label_map).mean() >= alike, which
        if which != "merged":
            one, two = (found.answers[which].probabilities for found in (here, there))
            assert one is not None and two is not None
            # Probabilities come in float16, so that the bound is on their mean.
            assert np.abs(one.astype(np.float32) - two.astype(np.float32)).mean() < difference, which


def test_views_in_batches_are_views_one_by_one(bundles: Bundles) -> None:
    image = torch.randn(4, 13, 17, 21, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    nets = [bundle.net().to(DEVICE, memory_format=torch.channels_last_3d) for bundle in bundles["a"]]  # type: ignore[call-overload]
    assert views_at_once(image, 2, "16-mixed") > 1
    one, three, many = (
        accumulate(image, nets, Pass(views=VIEWS["group16"], precision="32-true", at_once=count)).mean
        for count in (1, 3, None)
    )
    # Another batch may mean another algorithm of cuDNN's.
    torch.testing.assert_close(three, one, atol=1e-4, rtol=0)
    torch.testing.assert_close(many, one, atol=1e-4, rtol=0)


def test_memory_that_does_not_suffice_means_windows(
    make_bundle: Any, tmp_path: Path, all_memory: None
) -> None:
    shape = (160, 240, 240)  # of which a window is less than a quarter
    image = np.random.default_rng(0).random((4, *shape), np.float32)
    image[:, 0] = 0  # background
    loaded = LoadedCase(Case("x", {}), image, None, nifti.lps_geometry(shape), ())
    bundles: Bundles = {"a": [make_bundle("a", width=16)]}
    torch.cuda.reset_peak_memory_stats()
    windows = answer(bundles, loaded, DEVICE, tta="none", inferer="sliding_window")
    needed = torch.cuda.max_memory_reserved()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(
        1.25 * needed / torch.cuda.get_device_properties(0).total_memory
    )
    scarce = answer(bundles, loaded, DEVICE, tta="none", inferer="auto")
    assert (windows.inferer, scarce.inferer) == ("sliding_window", "sliding_window")
    assert any("memory did not suffice" in warning for warning in scarce.warnings)
    assert np.array_equal(scarce.answers["a"].label_map, windows.answers["a"].label_map)
