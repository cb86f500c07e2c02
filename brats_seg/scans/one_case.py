"""What the steps of one alignment do. Covered by tests/scans/test_align.py."""

from __future__ import annotations

from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import brats_seg
from brats_seg import nifti
from brats_seg.cases import Case
from brats_seg.errors import FileError
from brats_seg.files import read_object, write_json
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.atlas import Atlas, grid_image, read_atlas
from brats_seg.scans.bias import without_bias
from brats_seg.scans.brain import extract_brain, volume_ml
from brats_seg.scans.images import Image, as_stored, read_image, resample, to_array, to_itk
from brats_seg.scans.packages import load
from brats_seg.scans.quality import Pair, brain_warnings, dice, measure_pair, pair_warnings, suspect_swap
from brats_seg.scans.quality_page import write_quality_page
from brats_seg.scans.register import matrix, register
from brats_seg.scans.settings import AlignSettings
from brats_seg.terms import MODALITIES

FIXED = "t1ce"
MOVING = tuple(name for name in MODALITIES if name != FIXED)
TO_T1CE = "atlas_to_t1ce"


class OneCase:
    """One case on its way to the space of BraTS; :mod:`brats_seg.scans.case_steps` has the order.

    Args:
        case: With all four sequences.
        folder: Where it goes.
        settings: How.
        brain_mask: On the T1ce's grid, instead of the brain extraction.
    """

    def __init__(
        self, case: Case, folder: AlignedFolder, settings: AlignSettings, brain_mask: Path | None
    ) -> None:
        self.case, self.folder, self.settings, self.brain_mask = case, folder, settings, brain_mask
        self.read = {name: read_image(file.path, file.channel) for name, file in case.modalities.items()}

    def made_of(self) -> dict[str, Any]:
        """What the result depends on, as JSON has it."""
        sources = {name: volume.sha256 for name, (_, volume) in self.read.items()}
        mask = nifti.read(self.brain_mask).sha256 if self.brain_mask else None
        return {"images": sources, "brain_mask": mask, "settings": self.settings.science()}

    def find_brain(self) -> None:
        """The brain on the T1ce's own grid."""
        if self.brain_mask is None:
            mask = extract_brain(self.seen(FIXED), self.settings.brain, self.settings.torch_device)
        else:
            given = nifti.read(self.brain_mask)
            if not nifti.same_space(given.geometry, self.read[FIXED][1].geometry):
                raise FileError(self.brain_mask, "a mask on the grid of the T1ce", "another grid")
            mask = given.array > 0
        nifti.write(self.folder.native_brain, mask.astype(np.uint8), self.read[FIXED][1].geometry)

    def find_transform(self, name: str) -> None:
        """From points of the T1ce to points of another sequence."""
        file = self.folder.numbers(f"{FIXED}_to_{name}")
        fixed, moving = self.seen(FIXED), self.seen(name)
        found = register(fixed, moving, seed=self.settings.seed)
        self.folder.write_transform(file.stem, found.transform)
        write_json(file, asdict(measure_pair(found, self.native_brain, fixed, moving)))

    def find_atlas(self) -> None:
        """From points of the target space to points of the T1ce."""
        file = self.folder.numbers(TO_T1CE)
        brain = to_itk(self.native_brain.astype(np.float32), self.read[FIXED][1].geometry)
        stripped = self.seen(FIXED) * brain
        found = register(self.atlas.image, stripped, self.settings.to_atlas, self.settings.seed)
        self.folder.write_transform(TO_T1CE, found.transform)
        inside = to_array(self.atlas.image) > 0
        write_json(file, asdict(measure_pair(found, inside, self.atlas.image, stripped)))

    def write_sequences(self) -> None:
        """Each sequence on the target grid, resampled once, 0 outside the brain."""
        brain = to_itk(self.native_brain.astype(np.float32), self.read[FIXED][1].geometry)
        inside = to_array(resample(brain, self.grid, self.transform(FIXED))) >= 0.5
        nifti.write(self.folder.brain, inside.astype(np.uint8), self.atlas.geometry)
        for name in MODALITIES:
            array = self.on_grid(name)
            kind = self.read[name][1].array.dtype
            nifti.write(self.folder.sequence(name), as_stored(array, inside, kind), self.atlas.geometry)

    def draw(self) -> None:
        """The quality page."""
        images = {name: self.on_grid(name) for name in MODALITIES}
        numbers = {name: self.pair(name) for name in (*MOVING, "atlas")}
        atlas = to_array(resample(self.atlas.image, self.grid))
        write_quality_page(self.folder, images, self.brain, atlas, numbers, self.doubts()["warnings"])

    def record(self) -> dict[str, Any]:
        """What was done and found, as plain values."""
        transforms = [*(f"{FIXED}_to_{name}" for name in MOVING), TO_T1CE]
        images = {name: self.on_grid(name) for name in ("t1", FIXED)}
        return {
            "schema": 1,
            "case": self.case.id,
            "brats_seg": brats_seg.__version__,
            "simpleitk": load("SimpleITK").Version_VersionString(),
            "atlas": self.atlas.name,
            **self.made_of(),
            "inputs": self.inputs(),
            "pairs": {name: self.pair(name) for name in (*MOVING, "atlas")},
            "matrices_lps": {name: matrix(self.folder.read_transform(name)).tolist() for name in transforms},
            **self.doubts(),
            "notes": suspect_swap(images, self.brain),
        }

    def doubts(self) -> dict[str, Any]:
        """The numbers of the brain, and what looks failed by any number."""
        native_ml = volume_ml(self.native_brain, self.read[FIXED][0])
        aligned_ml = float(self.brain.sum() * np.prod(self.atlas.geometry.spacing_mm) / 1000)
        on_atlas = dice(self.brain, to_array(resample(self.atlas.image, self.grid)) > 0)
        of_pairs = (line for name in MOVING for line in pair_warnings(name, Pair(**self.pair(name))))
        rigid = self.settings.to_atlas == "rigid"
        return {
            "brain_ml": {"native": round(native_ml, 1), "aligned": round(aligned_ml, 1)},
            "atlas_dice": round(on_atlas, 4),
            "warnings": [*of_pairs, *brain_warnings(native_ml, aligned_ml, on_atlas, rigid)],
        }

    def inputs(self) -> dict[str, Any]:
        """Where the raw T1ce lies, as a prediction's JSON has it."""
        file, volume = self.case.modalities[FIXED], self.read[FIXED][1]
        told = {"path": str(file.path.absolute()), "sha256": volume.sha256, "channel": file.channel}
        return {FIXED: told}

    def pair(self, name: str) -> dict[str, Any]:
        """The numbers of one registration: of a sequence, or of ``"atlas"``."""
        stem = TO_T1CE if name == "atlas" else f"{FIXED}_to_{name}"
        path = self.folder.numbers(stem)
        held = read_object(path)
        plain = all(value is None or isinstance(value, int | float) for value in held.values())
        if set(held) != {field.name for field in fields(Pair)} or not plain:
            found = f"something else; delete {self.folder.path} to align again"
            raise FileError(path, "the numbers of a registration", found)
        return held

    def seen(self, name: str) -> Image:
        """A sequence as registration and brain extraction see it."""
        image = self.read[name][0]
        return without_bias(image) if self.settings.n4 else image

    def transform(self, name: str) -> Any:
        """From points of the target space to points of a sequence."""
        to_fixed = self.folder.read_transform(TO_T1CE)
        if name == FIXED:
            return to_fixed
        # ITK applies the last one first.
        return load("SimpleITK").CompositeTransform(
            [self.folder.read_transform(f"{FIXED}_to_{name}"), to_fixed]
        )

    def on_grid(self, name: str) -> NDArray[np.float32]:
        """A sequence on the target grid ``(z, y, x)``, with its skull."""
        image = self.read[name][0]
        return to_array(resample(image, self.grid, self.transform(name), self.settings.interpolation))

    @cached_property
    def atlas(self) -> Atlas:
        """What the brain is turned to."""
        return read_atlas(self.settings.atlas_file)

    @cached_property
    def grid(self) -> Image:
        """The target grid."""
        return grid_image(self.atlas)

    @property
    def native_brain(self) -> NDArray[np.bool_]:
        """The brain on the T1ce's own grid."""
        return np.asarray(nifti.read(self.folder.native_brain).array > 0)

    @property
    def brain(self) -> NDArray[np.bool_]:
        """The brain on the target grid."""
        return np.asarray(nifti.read(self.folder.brain).array > 0)
