"""A prediction folder: a label map per case, the JSON beside each, and what was asked for besides.

Covered by tests/inference/test_merge.py and tests/evaluation.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import brats_seg
from brats_seg.artifacts.label_maps import (
    LabelMap,
    case_of,
    read_record_beside,
    recorded_labels,
    untold_labels,
)
from brats_seg.artifacts.recorded_images import MERGED_FROM, image_sums, recorded_orientation
from brats_seg.errors import UserError
from brats_seg.files import locked, remove, remove_leftovers
from brats_seg.labels import label_values
from brats_seg.nifti import is_nifti
from brats_seg.terms import PIPELINES, REGIONS

SCHEMA = 1
"""Of the JSON beside a label map."""
VERSIONS = {"brats_seg": brats_seg.__version__, "torch": version("torch")}
MERGED = "merged"
"""Name of the merged prediction."""
PROBABILITIES, UNCERTAINTY = "probabilities", "uncertainty"
UNCERTAINTY_WORDS = {"WT": "whole", "TC": "core", "ET": "enhance"}
"""Region to its word in ``<id>_unc_<word>.nii.gz`` (Mehta et al. 2022)."""


@dataclass(frozen=True)
class PredictionFolder:
    """``<case id>.nii.gz`` and ``<case id>.json``; with both pipelines theirs under ``a/`` and ``b/``.

    On request ``probabilities/<case id>_<region>.nii.gz`` and
    ``uncertainty/<case id>_unc_{whole,core,enhance}.nii.gz`` in each of these folders.

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
        """Where the mean probabilities of a region are written.

        Args:
            case_id: Of the case.
            region: One of ``terms.REGIONS``.
        """
        return self.path / PROBABILITIES / f"{case_id}_{region}.nii.gz"

    def uncertainty(self, case_id: str, region: str) -> Path:
        """Where the uncertainty of a region is written.

        Args:
            case_id: Of the case.
            region: One of ``terms.REGIONS``.
        """
        return self.path / UNCERTAINTY / f"{case_id}_unc_{UNCERTAINTY_WORDS[region]}.nii.gz"

    def native(self, case_id: str) -> Path:
        """Where the label map on the T1ce's own grid lies, for a case that `brats-seg align` aligned.

        A JSON beside it may name that T1ce, as the record of a case names its images.
        """
        return self.path / "native" / f"{case_id}.nii.gz"

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
        """The JSON of a case; empty where there is none, without warnings that are no list of lines."""
        return read_record_beside(self.label_map(case_id))

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
            case_id = case_of(path)
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
        found: dict[str, LabelMap] = {}
        untold: list[str] = []
        for case_id, path in sorted(files.items()):
            name = given or recorded_labels(path)
            if name is None:
                untold.append(case_id)
            else:
                orientation = recorded_orientation(read_record_beside(path))
                found[case_id] = LabelMap(path, label_values(name).name, orientation)
        if untold:
            raise UserError(untold_labels(self.path, untold, which))
        return found

    def why_not_to_replace(self, case_id: str, images: Collection[str]) -> str | None:
        """Say why the label map that is there should stay.

        Args:
            case_id: Of the case.
            images: Sums (sha256) of the image files that the new map is made of; empty: they are not known.

        Returns:
            One line; None where there is nothing, or this program made it of at least one of these images.
        """
        there = next((path for path in self.files(case_id) if os.path.lexists(path)), None)
        if there is None:
            return None
        record = self.read_record(case_id)
        if not ("files" in record or MERGED_FROM in record):
            return f"{there} is there, and brats-seg has not written it"
        if images and not image_sums(record) & set(images):
            return f"{there} is there, made of other images"
        return None

    def forget(self, case_id: str) -> None:
        """Remove everything that `predict` wrote for a case, if its JSON shows that `predict` wrote it.

        Only names that `predict` itself writes are removed, never paths from the JSON, which could be forged.
        The JSON goes last: without its files the case is not finished.

        Raises:
            UserError: A file cannot be removed.
        """
        if "files" not in self.read_record(case_id):
            return
        for path in self.files(case_id):
            remove(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second process out, and clear away what a killed one left half-written.

        Raises:
            UserError: The folder is in use or cannot be written.
        """
        busy = f"{self.path} is in use by another process: wait for it, or choose another output=DIR"
        with locked(self.path / ".lock", busy=busy, remedy="choose another output=DIR"):
            for folder in self.folders():
                remove_leftovers(folder)
            yield
