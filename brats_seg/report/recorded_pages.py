"""Pages of predictions alone: the JSON beside each label map tells the images, else there are none.

Covered by tests/report/test_sources.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from brats_seg.artifacts.label_maps import LabelMap, case_of, read_record_beside, recorded_labels
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.recorded_images import MERGED_FROM, recorded_images
from brats_seg.errors import CaseError, UserError
from brats_seg.evaluation.pairs import Pair
from brats_seg.evaluation.reading import read_volume
from brats_seg.labels import label_values
from brats_seg.report.case_files import CaseFiles
from brats_seg.terms import PIPELINES

GUESSES = ("brats2020", "brats2023", "brats2024")
"""Label values that are tried in turn for a map that nothing is told of."""


def recorded_pages(predictions: Path, labels: str | None) -> Iterator[CaseFiles]:
    """The predictions of a folder with the images that their JSON names.

    Args:
        predictions: Of `predict`, of `merge`, or of label maps from elsewhere.
        labels: Name of the label values of all; None: as each JSON records, else as the values suggest.

    Yields:
        What a page is made of, sorted by case.

    Raises:
        UserError: There is no such folder, no label map in it, or two of one case.
    """
    if labels is not None:
        label_values(labels)
    folder = PredictionFolder(predictions)
    files = folder.label_map_files()
    if not files:
        raise UserError(f"{predictions}: expected a label map per case, <case id>.nii.gz, found none")
    parts: dict[str, dict[str, Path]] = {}
    for pipeline in PIPELINES:
        part = folder.of_pipeline(pipeline)
        parts[pipeline] = part.label_map_files() if part.path.is_dir() else {}
    for case_id, path in sorted(files.items()):
        own = {pipeline: maps[case_id] for pipeline, maps in parts.items() if case_id in maps}
        yield _case_files(case_id, path, own, labels)


def _case_files(case_id: str, path: Path, own: Mapping[str, Path], given: str | None) -> CaseFiles:
    record = read_record_beside(path)
    images = recorded_images(case_id, record)
    notes = list(images.gone)
    if not images.case.modalities:
        notes.append("the images are not known; references=DIR shows them")
    name = given or recorded_labels(path)
    if name is None:
        name = _suggested_labels(case_id, path)
        notes.append(f"nothing tells the label values: shown as {name}; labels.predictions=NAME tells them")
    sources = own or _merged_from(case_id, record.get(MERGED_FROM))
    per_pipeline = {pipeline: LabelMap(source, name) for pipeline, source in sources.items()}
    pair = Pair(case_id, LabelMap(path, name), None, per_pipeline)
    return CaseFiles(images.case, pair, sha256=images.sha256, notes=tuple(notes))


def _suggested_labels(case_id: str, path: Path) -> str:
    """The first label values that have every value of a map; the last, where it cannot be read."""
    try:
        found = set(np.unique(read_volume(case_id, path).array).tolist())
    except CaseError:
        found = set()
    for name in GUESSES:
        if found <= set(label_values(name).values):
            return name
    return GUESSES[-1]


def _merged_from(case_id: str, sources: object) -> dict[str, Path]:
    """The maps of both pipelines, where `merge` made the prediction of them and they are still there."""
    found: dict[str, Path] = {}
    for pipeline, source in sources.items() if isinstance(sources, dict) else ():
        place = source.get("folder") if isinstance(source, dict) else None
        if pipeline in PIPELINES and isinstance(place, str) and "\0" not in place and Path(place).is_dir():
            maps = [each for each in sorted(Path(place).glob("*.nii*")) if case_of(each) == case_id]
            found |= {str(pipeline): each for each in maps[:1]}
    return found
