"""A prediction folder: a label map per case, the JSON beside each, and what was asked for besides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import brats_seg
from brats_seg.artifacts.bundles import PIPELINES
from brats_seg.errors import CaseError, UserError
from brats_seg.files import read_object
from brats_seg.labels import LABEL_VALUES, LabelValues, encode_regions, label_values
from brats_seg.nifti import is_nifti, stem
from brats_seg.terms import REGIONS

SCHEMA = 1
"""Of the JSON beside a label map."""
VERSIONS = {"brats_seg": brats_seg.__version__, "torch": torch.__version__}
MERGED = "merged"
"""Name of the merged prediction."""
PROBABILITIES, UNCERTAINTY = "probabilities", "uncertainty"
UNCERTAINTY_WORDS = {"WT": "whole", "TC": "core", "ET": "enhance"}
"""Region to its word in ``<id>_unc_<word>.nii.gz`` (Mehta et al. 2022)."""
SEGMENTATION_ENDINGS = ("_seg", "-seg")


@dataclass(frozen=True)
class LabelMap:
    """A file and the name of its label values."""

    path: Path
    labels: str


@dataclass(frozen=True)
class PredictionFolder:
    """``<case id>.nii.gz`` and ``<case id>.json``; with both pipelines theirs under ``a/`` and ``b/``.

    On request ``probabilities/<case id>_<region>.nii.gz`` and ``uncertainty/<case id>_unc_{whole,core,enhance}.nii.gz`` in
    each of these folders.

    Attributes:
        path: Of the folder.
    """

    path: Path

    def of_pipeline(self, pipeline: str) -> PredictionFolder:
        """The folder of one pipeline's answers, below this one."""
        return PredictionFolder(self.path / pipeline)

    def label_map(self, case_id: str) -> Path:
        """Where the label map of a case is written."""
        return self.path / f"{case_id}.nii.gz"

    def record(self, case_id: str) -> Path:
        """Where the JSON of a case is written."""
        return self.path / f"{case_id}.json"

    def probability(self, case_id: str, region: str) -> Path:
        """Where the mean probabilities of a region are written."""
        return self.path / PROBABILITIES / f"{case_id}_{region}.nii.gz"

    def uncertainty(self, case_id: str, region: str) -> Path:
        """Where the uncertainty of a region is written."""
        return self.path / UNCERTAINTY / f"{case_id}_unc_{UNCERTAINTY_WORDS[region]}.nii.gz"

    def folders(self) -> Iterator[Path]:
        """Every folder that something is written to, this one last."""
        for each in (*map(self.of_pipeline, PIPELINES), self):
            yield from (each.path / PROBABILITIES, each.path / UNCERTAINTY, each.path)

    def files(self, case_id: str) -> Iterator[Path]:
        """Every file that may be written for a case, its JSON last."""
        for each in (*map(self.of_pipeline, PIPELINES), self):
            for region in REGIONS:
                yield from (each.probability(case_id, region), each.uncertainty(case_id, region))
            yield from (each.label_map(case_id), each.record(case_id))

    def read_record(self, case_id: str) -> dict[str, Any]:
        """The JSON of a case; empty where there is none."""
        return read_object(self.record(case_id))

    def labels(self, case_id: str, given: str | None) -> str:
        """Name of the label values of a prediction.

        Args:
            case_id: Of the case.
            given: The name that the user gave; None: the JSON is asked.

        Returns:
            A key of :data:`brats_seg.labels.LABEL_VALUES`.

        Raises:
            WrongValue: The name is not known.
            CaseError: No name is given, and the JSON tells none.
        """
        name = given or _recorded_labels(self.record(case_id))
        if name is None:
            expected = "its label values; give labels.predictions=NAME"
            raise CaseError(case_id, file=self.record(case_id), expected=expected, found="none")
        return label_values(name).name

    def label_map_files(self) -> dict[str, Path]:
        """Case id to label map, ``.nii.gz`` or ``.nii``, with or without ``_seg`` behind the id.

        Raises:
            UserError: There is no such folder, or a case has two label maps.
        """
        if not self.path.is_dir():
            raise UserError(f"{self.path}: expected a folder of label maps, found none")
        found: dict[str, Path] = {}
        for path in sorted(self.path.iterdir()):
            if not is_nifti(path.name):
                continue
            case_id = _case_of(path)
            if case_id in found:
                raise UserError(
                    f"case {case_id}: expected one label map, found {found[case_id]} and {path.name}"
                )
            found[case_id] = path
        return found

    def label_maps(self, given: str | None, which: str) -> dict[str, LabelMap]:
        """Case id to label map with its label values.

        Args:
            given: Name of the label values of all; None: the JSON beside each is asked.
            which: ``"predictions"`` or ``"references"``, for the errors.

        Returns:
            Sorted by case.

        Raises:
            UserError: As :meth:`label_map_files`, or the label values of a map are not known.
        """
        files = self.label_map_files()
        names = {case_id: given or _recorded_labels(_beside(path)) for case_id, path in files.items()}
        untold = [case_id for case_id, name in names.items() if name is None]
        if untold:
            raise UserError(untold_labels(self.path, untold, which))
        return {
            case_id: LabelMap(path, label_values(str(names[case_id])).name)
            for case_id, path in sorted(files.items())
        }

    def forget(self, case_id: str) -> None:
        """Remove everything that `predict` has written for a case; without its JSON nothing is known to be written by it.

        Only names that `predict` itself writes are removed, never paths from the JSON, which could be forged. The JSON goes
        last: without its files the case is not finished.

        Raises:
            UserError: A file cannot be removed.
        """
        if "files" not in self.read_record(case_id):
            return
        for path in self.files(case_id):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"cannot remove {path}: {error.strerror}") from error


def untold_labels(folder: Path, cases: Iterable[str], which: str) -> str:
    """The line about label maps whose label values nothing tells.

    Args:
        folder: Where they lie.
        cases: Their ids, at least one.
        which: ``"predictions"`` or ``"references"``.

    Returns:
        One line that names the key to give.
    """
    first, *others = cases
    more = f" (and {len(others)} more)" if others else ""
    return f"{folder}: nothing tells the label values of {first}{more}; give labels.{which}={' or '.join(LABEL_VALUES)}"


def volumes_ml(
    label_map: NDArray[np.uint8], labels: LabelValues, spacing_mm: Sequence[float]
) -> dict[str, float]:
    """How much of a case is what.

    Args:
        label_map: ``(z, y, x)``.
        labels: What its values mean.
        spacing_mm: Of a voxel, along ``(z, y, x)``.

    Returns:
        Region to its volume in millilitres, to the microlitre.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    regions = encode_regions(label_map, labels)
    return {
        name: round(int(region.sum()) * voxel_ml, 3) for name, region in zip(REGIONS, regions, strict=True)
    }


def _beside(label_map: Path) -> Path:
    return label_map.with_name(f"{stem(label_map.name)}.json")


def _case_of(label_map: Path) -> str:
    name = stem(label_map.name)
    for ending in SEGMENTATION_ENDINGS:
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def _recorded_labels(record: Path) -> str | None:
    """Name of the label values that a JSON tells; None where it tells none."""
    labels = read_object(record).get("labels")
    name = labels.get("convention") if isinstance(labels, dict) else None
    return name if isinstance(name, str) else None
