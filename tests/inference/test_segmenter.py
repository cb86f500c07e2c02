"""From Python the answer is the command's, whatever the images come as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from brats_seg.artifacts.ensemble_file import write_ensemble
from brats_seg.cases import find_cases
from brats_seg.errors import UserError
from brats_seg.inference import Machine, Segmenter, Settings, predict
from brats_seg.terms import MODALITIES


def test_paths_images_and_arrays(make_bundle: Any, write_case: Any, tmp_path: Path) -> None:
    bundles: Any = {"a": [make_bundle("a")], "b": [make_bundle("b")]}
    write_ensemble(tmp_path / "ensemble.yaml", bundles)
    root = write_case("x")
    settings = Settings.default(tta="flips8", precision="32-true")
    predict(find_cases(root), bundles, tmp_path / "out", settings, Machine.default(accelerator="cpu"))
    expected = nib.load(tmp_path / "out" / "x.nii.gz")
    segmenter = Segmenter.from_ensemble(
        tmp_path / "ensemble.yaml", device="cpu", tta="flips8", precision="32-true"
    )
    paths = {m: root / "x" / f"x_{m}.nii.gz" for m in MODALITIES}
    images = {m: nib.load(path) for m, path in paths.items()}
    arrays = {m: np.asarray(image.dataobj).astype(np.float64) for m, image in images.items()}
    for given in (paths, images, arrays):
        answer = segmenter(**given)
        assert np.array_equal(answer.label_map, np.asarray(expected.dataobj))
        assert answer.labels == "brats2020"
        assert answer.volumes_ml["WT"] == np.count_nonzero(answer.label_map) / 1000
    assert bool(answer.warnings), "arrays tell no convention"
    assert np.array_equal(segmenter(**images).image.affine, expected.affine)
    with pytest.raises(UserError, match="flair"):
        segmenter(**{m: arrays[m] for m in MODALITIES[:3]})
    with pytest.raises(UserError, match="pet"):
        segmenter(**arrays, pet=arrays["t1"])
    with pytest.raises(UserError, match="tta"):
        Segmenter(bundles, views="none")


def test_one_folder_needs_no_list_and_none_is_refused(make_bundle: Any) -> None:
    folder = make_bundle("b").folder
    assert Segmenter.from_bundles(b=str(folder), device="cpu").ensembles.keys() == {"b"}
    for nothing in ({}, {"a": []}):
        with pytest.raises(UserError, match="no bundle"):
            Segmenter(nothing, device="cpu")


BRAIN = np.pad(np.ones((8, 8, 8), np.int16), 8)
NO_IMAGES = {
    "booleans": BRAIN > 0,
    "complex numbers": BRAIN + 0j,
    "a tensor": torch.from_numpy(BRAIN),
    "a list": BRAIN.tolist(),
    "another format": nib.MGHImage(BRAIN, np.eye(4)),
    "a complex image": nib.Nifti1Image(BRAIN + 0j, np.eye(4)),
    "one slice": BRAIN[8],
    "not finite": np.where(BRAIN > 0, np.nan, 0),
    "nothing": BRAIN * 0,
}


@pytest.mark.parametrize("image", NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_is_no_image_is_refused_by_the_name_it_was_given(image: Any, make_bundle: Any) -> None:
    with pytest.raises(UserError, match=r"^t1\b") as caught:
        Segmenter({"a": [make_bundle("a")]}, device="cpu", tta="none")(**dict.fromkeys(MODALITIES, image))
    assert "\n" not in str(caught.value)
