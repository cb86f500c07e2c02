"""The Medical Segmentation Decathlon's Task01, and nnU-Net's raw folders: channels named in ``dataset.json``.

One 4-D file per case, or one file per case and channel, ``<id>_0000.nii.gz``.

Covered by tests/cases/test_find.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from brats_seg.cases.case import Case, Finding, ModalityFile
from brats_seg.cases.folders import Files
from brats_seg.cases.own_naming import OWN_NAMING
from brats_seg.files import read_object
from brats_seg.labels import LABEL_VALUES
from brats_seg.nifti import stem

MODALITY_NAMES = {
    "flair": "flair",
    "t1w": "t1",
    "t1": "t1",
    "t1gd": "t1ce",
    "t1ce": "t1ce",
    "t2w": "t2",
    "t2": "t2",
    "t1n": "t1",
    "t1c": "t1ce",
    "t2f": "flair",
    "t2-flair": "flair",
}
CHANNEL = re.compile(r"(?P<id>.+)_(?P<channel>\d{4})")
"""nnU-Net's name of one channel of a case."""
LABELS = "labelsTr"
LABELLED_IMAGES, OTHER_IMAGES = "imagesTr", "imagesTs"


def is_images(folder: Path) -> bool:
    """Whether a folder is the Decathlon's for images, labelled (``imagesTr``) or not (``imagesTs``)."""
    return folder.name in (LABELLED_IMAGES, OTHER_IMAGES)


def cases_in(folder: Path, files: Files) -> tuple[list[Case], list[Finding]]:
    """Every 4-D file, or every group of single channels, is a case; ``labelsTr`` has the segmentations.

    Args:
        folder: ``imagesTr`` or ``imagesTs``.
        files: Its files.

    Returns:
        The cases, and what is wrong with them.
    """
    path = folder.parent / "dataset.json"
    description = read_object(path)
    try:
        order = _channel_order(description)
    except (AttributeError, KeyError, TypeError):
        message = f'expected its channels in {path} ("modality": {{"0": "FLAIR", ...}}), found none'
        return [], [Finding(folder.parent.name, folder, "error", f"{message}; {OWN_NAMING}")]
    segmentations = {}
    if folder.name == LABELLED_IMAGES:
        for segmentation in sorted((folder.parent / LABELS).glob("[!.]*.nii*")):
            segmentations[stem(segmentation.name)] = segmentation
    labels = _labels(description.get("labels"))
    groups: dict[str, dict[str, ModalityFile]] = defaultdict(dict)
    for name, file in files:
        single = CHANNEL.fullmatch(stem(name))
        if single is None:
            groups[stem(name)] = {
                modality: ModalityFile(file, order.index(modality)) for modality in sorted(order)
            }
        elif int(single["channel"]) < len(order):
            groups[single["id"]][order[int(single["channel"])]] = ModalityFile(file)
    cases = []
    for case_id, modalities in groups.items():
        cases.append(Case(case_id, modalities, segmentations.get(case_id), labels))
    return cases, []


def _channel_order(description: dict[str, Any]) -> list[str]:
    names = description["modality"] if "modality" in description else description["channel_names"]
    order = [MODALITY_NAMES[str(names[str(channel)]).lower()] for channel in range(len(names))]
    if not order:
        raise KeyError("no channel")
    return order


def _labels(described: Any) -> str | None:
    """``msd`` if the file describes its labels as Task01 does; None if it describes other ones, or none."""
    if not isinstance(described, dict):
        return None
    words = {str(key): str(value).lower() for key, value in described.items()}
    if "background" in described:  # nnU-Net's second version has the name first
        words = {str(value): str(key).lower() for key, value in described.items()}
    msd = LABEL_VALUES["msd"]
    same = (
        "edema" in words.get(str(msd.oedema), "")
        and words.get(str(msd.necrosis), "").startswith("non-enhancing")
        and words.get(str(msd.enhancing), "").startswith("enhancing")
    )
    return msd.name if same else None
