"""From Python raw images become a label map on the T1ce's own grid."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
import torch

from brats_seg import Segmenter, nifti
from brats_seg.artifacts.bundles import load_bundle, save_bundle
from brats_seg.errors import UserError
from brats_seg.inference.raw_images import segment_raw
from brats_seg.inference.segmentation import Segmentation
from brats_seg.labels import LABEL_VALUES, encode_regions
from brats_seg.models import UNet
from brats_seg.preprocessing import MinMax
from brats_seg.scans import AlignedFolder, AlignSettings, one_case
from brats_seg.scans.native import resample_labels
from brats_seg.scans.one_case import TO_T1CE
from brats_seg.scans.quality import dice
from tests.scans.conftest import place_by_moments

LABELS = LABEL_VALUES["brats2020"]


@pytest.fixture
def raw(raw_case, monkeypatch):
    monkeypatch.setattr(one_case, "register", place_by_moments)
    return raw_case()


@pytest.mark.slow
def test_the_answer_lies_where_the_t1ce_does(raw):
    truth = nifti.read(raw.seg)

    def segment(**paths: Path) -> Segmentation:
        folder = AlignedFolder(paths["t1ce"].parent)
        target = nifti.read_geometry(paths["t1ce"])
        moved = resample_labels(truth, target, folder.read_transform(TO_T1CE), LABELS)
        prediction = SimpleNamespace(labels="brats2020", warnings=[])
        return Segmentation(nifti.to_image(moved, target), prediction)

    settings = AlignSettings.default(atlas=str(raw.atlas))
    images = {**raw.files, "t2": nib.load(raw.files["t2"])}
    answer = segment_raw(images, segment, settings, brain_mask=raw.brain)
    (found,) = nifti.channels_from_image(answer.image, Path("x"))
    assert nifti.same_space(found.geometry, nifti.read_geometry(raw.files["t1ce"]))
    pairs = zip(encode_regions(found.array, LABELS), encode_regions(truth.array, LABELS), strict=True)
    scores = [dice(one, two) for one, two in pairs]
    assert min(scores) >= 0.95, scores


@pytest.mark.slow
def test_a_segmenter_takes_them(raw, tmp_path):
    torch.manual_seed(0)
    net = UNet(width=2, norm="group", attention=False, residual=False, dropout=0.0).eval()
    ways = {"pipeline": "a", "normalisation": MinMax(1, 99).settings(), "provenance": {}, "scores": {}}
    save_bundle(tmp_path / "bundle", net, **ways)
    bundles = {"a": [load_bundle(tmp_path / "bundle")]}
    segmenter = Segmenter(bundles, device="cpu", tta="none")
    settings = AlignSettings.default(atlas=str(raw.atlas))
    answer = segmenter(align=settings, brain_mask=raw.brain, **raw.files)
    t1ce = nib.load(raw.files["t1ce"])
    assert answer.label_map.shape == t1ce.shape
    assert np.allclose(answer.image.affine, t1ce.affine)
    assert answer.prediction.answers[answer.prediction.final].label_map.shape == (155, 240, 240)
    with pytest.raises(UserError, match="brain_mask"):
        segmenter(brain_mask=raw.brain, **raw.files)
    with pytest.raises(UserError, match="flair"):
        segmenter(align=settings, **{name: raw.files[name] for name in ("t1", "t1ce", "t2")})


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(UserError, match=r"SimpleITK: pip install 'brats-seg\[scans\]'$"):
        segment_raw({}, lambda **_: None)
