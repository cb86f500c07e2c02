"""Bundles of tiny untrained networks, and cases small enough for them, written by code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from brats_seg import nifti
from brats_seg.artifacts.bundles import Bundle, load_bundle, save_bundle
from brats_seg.models import UNet
from brats_seg.preprocessing import MinMax, ZScore

SHAPE = (18, 22, 26)
NAMES = {"2020": ("_t1", "_t1ce", "_t2", "_flair"), "2023": ("-t1n", "-t1c", "-t2w", "-t2f")}
MakeBundle = Callable[..., Bundle]
WriteCase = Callable[..., Path]


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """``make_bundle("a", seed=1)``: untrained, of width 2 unless another is asked for."""

    def make(pipeline: str = "a", seed: int = 0, *, lower_percentile: float = 1, width: int = 2) -> Bundle:
        torch.manual_seed(seed)
        norm = "group" if pipeline == "a" else "instance"
        net = UNet(width=width, norm=norm, attention=False, residual=False, dropout=0.0).eval()
        with torch.no_grad():  # so that every label is somewhere, and views differ
            net.main.weight.normal_()
            logits = net(torch.rand(1, 4, 16, 16, 16)).main[0].flatten(1)
            net.main.bias -= torch.stack(
                [channel.quantile(q) for channel, q in zip(logits, (0.8, 0.6, 0.4), strict=True)]
            )
        normalise = MinMax(lower_percentile, 99) if pipeline == "a" else ZScore()
        folder = tmp_path / "bundles" / f"{pipeline}{seed}-{lower_percentile}-{width}"
        save_bundle(
            folder, net, pipeline=pipeline, normalisation=normalise.settings(), provenance={}, scores={}
        )
        return load_bundle(folder)

    return make


@pytest.fixture
def write_case(tmp_path: Path) -> WriteCase:
    """``write_case("x", seed=1)``: four random sequences in a box of zeros; gives the folder of cases."""

    def write(case_id: str, seed: int = 0, *, naming: str = "2020", root: Path = tmp_path / "cases") -> Path:
        generator = np.random.default_rng(seed)
        geometry = nifti.lps_geometry(SHAPE)
        brain = np.zeros(SHAPE, bool)
        brain[2:-3, 1:-4, 3:-2] = generator.random((13, 17, 21)) > 0.05  # holes: the box is not the brain
        for name in NAMES[naming]:
            array = generator.integers(1, 1000, SHAPE).astype(np.int16) * brain
            nifti.write(root / case_id / f"{case_id}{name}.nii.gz", array, geometry)
        return root

    return write
