"""Too little memory, answers that are not finite, and a GPU that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from brats_seg.artifacts.bundles import Bundle
from brats_seg.cases import LoadedCase, find_cases, read_case
from brats_seg.errors import CaseError, UserError
from brats_seg.inference import Machine, Settings, ensemble, predict
from brats_seg.inference.ensemble import make_ensembles
from brats_seg.inference.fallback import ATTEMPTS, Memory
from brats_seg.inference.segment import segment

MACHINE = Machine.default(accelerator="cpu")


def settings(**changes: Any) -> Settings:
    return Settings.default(**{"tta": "none", "precision": "32-true", **changes})


@pytest.fixture
def bundles(make_bundle: Any) -> dict[Any, list[Bundle]]:
    return {"b": [make_bundle("b")]}


@pytest.fixture
def loaded(write_case: Any) -> LoadedCase:
    return read_case(find_cases(write_case("x"))[0])


def test_what_was_too_large_is_not_tried_again() -> None:
    whole, one_view, windows = ATTEMPTS
    memory = Memory()
    assert list(memory.attempts("auto", 100)) == [whole, one_view, windows]
    memory.note(whole, 100)
    memory.note(one_view, 120)
    assert list(memory.attempts("auto", 99)) == [whole, one_view, windows]
    assert list(memory.attempts("auto", 100)) == [one_view, windows]
    assert list(memory.attempts("auto", 120)) == [windows]
    assert list(memory.attempts("whole_volume", 120)) == [one_view]
    assert list(memory.attempts("sliding_window", 1)) == [windows]


WORDS = (
    "GET was unable to find an engine to execute this computation",
    "CUDA error: out of memory",
)


@pytest.mark.parametrize("words", WORDS)
def test_windows_follow_and_are_remembered(
    words: str, write_case: Any, bundles: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bool] = []
    logits = ensemble._logits

    def scarce(net: Any, image: Any, windows: bool) -> Any:
        tried.append(windows)
        if not windows:
            raise RuntimeError(words)
        return logits(net, image, windows)

    monkeypatch.setattr(ensemble, "_logits", scarce)
    write_case("x")
    cases = find_cases(write_case("y"))
    assert predict(cases, bundles, tmp_path / "out", settings(), MACHINE) == []
    assert tried == [False, False, True, True]
    record = json.loads((tmp_path / "out" / "y.json").read_text())
    assert record["inferer"] == "sliding_window"


def test_a_gpu_that_fails_stops_the_run_in_its_own_words(
    write_case: Any, bundles: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    monkeypatch.setattr(ensemble, "_logits", fail)
    write_case("x")
    cases = find_cases(write_case("y"))
    with pytest.raises(UserError, match=r"case x: CUDA error: an illegal memory access was encountered$"):
        predict(cases, bundles, tmp_path / "out", settings(), MACHINE)


def test_a_case_that_is_not_finite_in_16_bit_is_predicted_in_fp32(
    loaded: LoadedCase, bundles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensembles = make_ensembles(bundles)
    expected = segment(loaded, ensembles, settings())
    logits = ensemble._logits

    def overflows(net: Any, image: Any, windows: bool) -> Any:
        answer = logits(net, image, windows)
        return answer * torch.nan if torch.is_autocast_enabled("cpu") else answer

    monkeypatch.setattr(ensemble, "_logits", overflows)
    found = segment(loaded, ensembles, settings(precision="bf16-mixed"))
    assert found.precision == "32-true"
    assert "not finite" in found.warnings[0]
    assert np.array_equal(found.answers["b"].label_map, expected.answers["b"].label_map)


def test_no_map_without_a_finite_answer(
    loaded: LoadedCase, bundles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = ensemble._logits
    monkeypatch.setattr(ensemble, "_logits", lambda *given: logits(*given) * torch.nan)
    with pytest.raises(CaseError, match="expected finite probabilities, found NaN"):
        segment(loaded, make_ensembles(bundles), settings())


def test_voxels_beyond_float32_are_refused(write_case: Any, bundles: Any, tmp_path: Path) -> None:
    root = write_case("x")
    path = root / "x" / "x_t1.nii.gz"
    image = nib.load(path)
    large = np.asarray(image.dataobj).astype(np.float64) * 1e300
    nib.Nifti1Image(large, image.affine, dtype=np.float64).to_filename(path)
    (failure,) = predict(find_cases(root), bundles, tmp_path / "out", settings(), MACHINE)
    assert "x_t1.nii.gz: expected voxels within the range of float32 in t1" in failure
    assert not list((tmp_path / "out").glob("*.nii.gz"))
