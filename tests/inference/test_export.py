"""What is exported answers as the bundle does, at sizes that it was not traced with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.inference.export import export


@pytest.mark.slow
@pytest.mark.parametrize(("format", "suffix"), [("torch_export", ".pt2"), ("onnx", ".onnx")])
@pytest.mark.parametrize("pipeline", ["a", "b"])
def test_parity_on_a_real_size(make_bundle: Any, tmp_path: Path, format: str, suffix: str, pipeline: str) -> None:
    if format == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    bundle, path = make_bundle(pipeline), tmp_path / f"net{suffix}"
    assert export(bundle, path, format=format, parity_shape=(144, 176, 144)) <= 1e-3
    said = json.loads((tmp_path / f"net{suffix}.json").read_text())
    assert said["bundle"]["sha256"] == bundle.sha256
    assert said["normalisation"] == bundle.normalisation.settings()
    if format == "torch_export":
        image = torch.randn(1, 4, 24, 16, 8)
        with torch.no_grad():
            expected = bundle.net()(image).main.sigmoid()
            torch.testing.assert_close(torch.export.load(path).module()(image), expected, atol=1e-4, rtol=0)


def test_what_cannot_be_exported_is_refused_before_any_work(make_bundle: Any, tmp_path: Path) -> None:
    for format, name, shape, said in [
        ("tensorrt", "x.pt2", (8, 8, 8), "torch_export"),
        ("onnx", "x.pt2", (8, 8, 8), "onnx"),
        ("torch_export", "x.pt2", (8, 8, 9), "multiples of 8"),
    ]:
        with pytest.raises(UserError, match=said):
            export(make_bundle(), tmp_path / name, format=format, parity_shape=shape)
    assert not list(tmp_path.glob("x*"))
