"""The Medical Segmentation Decathlon's Task01: one 4-D file per case, channels named in ``dataset.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from brats_seg.cases.case import Case, Finding, ModalityFile
from brats_seg.cases.folders import stem
from brats_seg.cases.own_naming import OWN_NAMING
from brats_seg.labels import LABEL_VALUES

MODALITY_NAMES = {
    "flair": "flair",
    "t1w": "t1",
    "t1": "t1",
    "t1gd": "t1ce",
    "t1ce": "t1ce",
    "t2w": "t2",
    "t2": "t2",
}
LABELS = "labelsTr"


def is_images(folder: Path) -> bool:
    """Whether a folder is the Decathlon's for images, labelled (``imagesTr``) or not (``imagesTs``)."""
    return folder.name in ("imagesTr", "imagesTs")


def cases_in(folder: Path, files: list[tuple[str, Path]]) -> tuple[list[Case], list[Finding]]:
    """Every 4-D file is a case; the file of its name in ``labelsTr`` is its segmentation."""
    record = folder.parent / "dataset.json"
    try:
        description = json.loads(record.read_text(encoding="utf-8"))
        order = [
            MODALITY_NAMES[str(description["modality"][str(i)]).lower()]
            for i in range(len(description["modality"]))
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        message = f'expected its channels in {record} ("modality": {{"0": "FLAIR", ...}}), found none'
        return [], [Finding(folder.parent.name, folder, "error", f"{message}; {OWN_NAMING}")]
    segmentations = {stem(path.name): path for path in sorted((folder.parent / LABELS).glob("[!.]*.nii*"))}
    labels = _labels(description.get("labels"))
    return [
        Case(
            stem(name),
            {modality: ModalityFile(path, order.index(modality)) for modality in sorted(order)},
            segmentations.get(stem(name)) if folder.name == "imagesTr" else None,
            labels,
        )
        for name, path in files
    ], []


def _labels(described: Any) -> str | None:
    """ "msd" where the file's own words put oedema, non-enhancing and enhancing tumour where that labels has them."""
    if not isinstance(described, dict):
        return None
    words = {str(key): str(value).lower() for key, value in described.items()}
    msd = LABEL_VALUES["msd"]
    told = (
        "edema" in words.get(str(msd.oedema), "")
        and words.get(str(msd.necrosis), "").startswith("non-enhancing")
        and words.get(str(msd.enhancing), "").startswith("enhancing")
    )
    return msd.name if told else None
