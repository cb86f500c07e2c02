"""Segmentation from Python, without Hydra and without folders."""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.artifacts.bundles import Bundle, Pipeline, load_bundles
from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.cases import case_from_files, read_case
from brats_seg.errors import CaseError, UserError
from brats_seg.inference.ensemble import Ensemble
from brats_seg.inference.record import volumes_ml
from brats_seg.inference.segment import Prediction, segment
from brats_seg.inference.settings import Settings
from brats_seg.labels import label_values

Source = str | Path | nib.Nifti1Image | NDArray[Any]
LPS_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What :class:`Segmenter` answers.

    Attributes:
        image: The label map, uint8, in the space of the images it was made from.
        prediction: Everything else, in the house's order ``(z, y, x)``, LPS.
    """

    image: nib.Nifti1Image
    prediction: Prediction

    @property
    def label_map(self) -> NDArray[np.uint8]:
        """Label map with the axes of the images it was made from."""
        return np.asarray(self.image.dataobj)

    @property
    def labels(self) -> str:
        """Name of the label values."""
        return self.prediction.labels

    @property
    def warnings(self) -> list[str]:
        """What the user should know."""
        return self.prediction.warnings

    @property
    def volumes_ml(self) -> dict[str, float]:
        """Region to its volume in millilitres."""
        final = self.prediction.answers[self.prediction.final].label_map
        return volumes_ml(final, label_values(self.labels), self.prediction.loaded.geometry.spacing_mm)


class Segmenter:
    """The ensembles of one or both pipelines, on a device, ready for cases.

    Args:
        bundles: Pipeline to its bundles.
        device: ``"cpu"``, ``"cuda"``, ...; None takes the GPU where there is one.
        settings: Fields of :class:`Settings` that differ from ``conf/predict.yaml``.

    Raises:
        UserError: A bundle or a setting cannot be used, or there is no bundle.
    """

    def __init__(
        self, bundles: Mapping[Pipeline, Sequence[Bundle]], *, device: str | None = None, **settings: Any
    ) -> None:
        self.settings = Settings.default(**settings)
        if not any(bundles.values()):
            raise UserError("no bundle given: a Segmenter needs those of pipeline a, b, or both")
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.ensembles = {
            p: Ensemble(group, channels_last=True).to(chosen) for p, group in bundles.items() if group
        }

    @classmethod
    def from_ensemble(cls, path: str | Path, *, device: str | None = None, **settings: Any) -> Segmenter:
        """From ``ensemble.yaml``."""
        return cls(load_ensemble(Path(path)), device=device, **settings)

    @classmethod
    def from_bundles(
        cls,
        a: Sequence[str | Path] | str | Path = (),
        b: Sequence[str | Path] | str | Path = (),
        *,
        device: str | None = None,
        **settings: Any,
    ) -> Segmenter:
        """From bundle folders, or the folder of one."""
        a, b = ([folders] if isinstance(folders, str | Path) else folders for folders in (a, b))
        return cls(
            load_bundles({"a": [Path(f) for f in a], "b": [Path(f) for f in b]}), device=device, **settings
        )

    def __call__(self, *, affine: NDArray[np.float64] = LPS_AFFINE, **images: Source) -> Segmentation:
        """Segment one case.

        Args:
            affine: Of images given as arrays: voxel ``(i, j, k)`` to RAS+ millimetres.
            images: ``t1``, ``t1ce``, ``t2``, ``flair``: paths, nibabel images, or arrays ``(i, j, k)`` as nibabel has them.

        Raises:
            UserError: The images cannot be used; the line says why.
        """
        with tempfile.TemporaryDirectory() as folder:
            # By way of files, so that every image passes the same checks.
            files = {name: _file(Path(folder), name, image, affine) for name, image in images.items()}
            try:
                loaded = read_case(
                    case_from_files(files), on_missing_modality=self.settings.on_missing_modality
                )
            except CaseError as error:
                raise UserError(error.reason.replace(f"{folder}/", "")) from error
        prediction = segment(loaded, self.ensembles, self.settings)
        image = nifti.to_image(prediction.answers[prediction.final].label_map, loaded.geometry)
        return Segmentation(
            nib.Nifti1Image.from_bytes(image.to_bytes()), prediction
        )  # as if read from the file


def _file(folder: Path, name: str, image: Source, affine: NDArray[np.float64]) -> Path:
    """Where an image lies; one in memory is put into the folder first."""
    if isinstance(image, str | Path):
        return Path(image)
    if isinstance(image, np.ndarray) and image.dtype.kind in "iuf":
        array = image.astype(np.float32) if image.dtype.kind == "f" or image.dtype.itemsize > 4 else image
        image = nib.Nifti1Image(array, affine)
        image.header.set_xyzt_units("mm", "sec")
    if not isinstance(image, nib.Nifti1Image):
        kind = f"array of {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UserError(
            f"{name}: expected a path, a nibabel Nifti1Image or an array of integers or floats, found {kind}"
        )
    path = folder / f"{name}_in_memory.nii"
    image.to_filename(path)
    return path
