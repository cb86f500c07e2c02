"""Shapes without values."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from brats_seg.models import UNet
from brats_seg.models.shapes import shapes_of


def make() -> UNet:
    return UNet(width=2, norm="group", attention=False, residual=False, dropout=0.0)


def test_the_same_names_shapes_and_types_and_no_values() -> None:
    found, expected = shapes_of(make, on_cpu=False), make().state_dict()
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype)
        assert found[name].device.type == "meta"
    assert torch.empty(1).device.type == "cpu"


@pytest.mark.slow
def test_nothing_is_imported_for_it() -> None:
    code = """
import sys
from brats_seg.models import UNet
from brats_seg.models.shapes import shapes_of

values = {"norm": "group", "attention": False, "residual": False, "dropout": 0.0}
shapes_of(lambda: UNet(width=2, **values), on_cpu=False)
sys.exit("sympy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
