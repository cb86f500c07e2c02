"""Raw images of a scanner to a label map on the T1ce's own grid.

Covered by tests/scans/test_raw_images.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.cases import case_from_files
from brats_seg.errors import CaseError, UserError
from brats_seg.inference.given_images import LPS_AFFINE, Source, as_image
from brats_seg.inference.segmentation import Segmentation, as_read
from brats_seg.labels import label_values
from brats_seg.scans import AlignedFolder, AlignSettings, align_case
from brats_seg.scans.native import to_native
from brats_seg.scans.packages import load
from brats_seg.terms import MODALITIES

CASE = "images"


def segment_raw(
    images: Mapping[str, Source],
    segment: Callable[..., Segmentation],
    settings: AlignSettings | None = None,
    *,
    brain_mask: str | Path | None = None,
    affine: NDArray[np.float64] = LPS_AFFINE,
) -> Segmentation:
    """Align raw images as `brats-seg align` does, segment them, and bring the label map back.

    Args:
        images: ``t1``, ``t1ce``, ``t2``, ``flair``: with skull, each on a grid of its own.
        segment: Takes the paths of the aligned images by the same names.
        settings: How to align; None: the defaults.
        brain_mask: A mask on the T1ce's grid that stands in for the brain extraction.
        affine: Of images given as arrays.

    Returns:
        The label map on the T1ce's own grid, everything else in the space of BraTS; what the alignment warns
        of is among the warnings.

    Raises:
        UserError: A package of the extra ``scans`` is missing, or the images cannot be used.
    """
    load("SimpleITK")
    with tempfile.TemporaryDirectory() as name:
        paths = {key: _on_disk(Path(name), key, image, affine) for key, image in images.items()}
        folder = AlignedFolder(Path(name) / "aligned" / CASE)
        mask = None if brain_mask is None else Path(brain_mask).expanduser()
        try:
            case = case_from_files(paths, case_id=CASE)
            chosen = settings or AlignSettings.default()
            record = align_case(case, folder.path.parent, chosen, brain_mask=mask, say=_quietly)
        except CaseError as error:
            raise UserError(error.reason) from error
        answer = segment(**{modality: folder.sequence(modality) for modality in MODALITIES})
        answer.prediction.warnings.extend([*record["warnings"], *record["notes"]])
        (volume,) = nifti.channels_from_image(answer.image, Path("label map"))
        label_map = to_native(volume, folder, label_values(answer.labels))
        image = nifti.to_image(label_map, nifti.read_geometry(folder.native_brain))
        return Segmentation(as_read(image), answer.prediction)


def _on_disk(folder: Path, name: str, image: Source, affine: NDArray[np.float64]) -> Path:
    """A file of the image: its own, or one in the folder."""
    if isinstance(image, str | Path):
        return Path(image).expanduser()
    volumes = nifti.channels_from_image(as_image(name, image, affine), Path(name))
    if len(volumes) > 1:
        raise UserError(f"{name}: expected one volume, found {len(volumes)}")
    path = folder / f"{name}.nii.gz"
    nifti.write(path, volumes[0].array, volumes[0].geometry)
    return path


def _quietly(_: str) -> None:
    """Progress is for the command line."""
