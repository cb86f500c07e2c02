"""What lies beside the label maps of a prediction folder for all of them: volumes, names of the labels.

Covered by tests/artifacts/test_prediction_tables.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brats_seg.artifacts.label_names import itk_snap_labels, slicer_colours
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.files import refuse_foreign, says, write_text
from brats_seg.labels import LABEL_VALUES
from brats_seg.metrics.volumes import tissue_volumes_ml
from brats_seg.terms import REGIONS

AGREEMENT = "agreement_of_a_and_b"
"""Key of a merged map's JSON: region to Dice of the maps of both pipelines."""
COLUMNS = ("ET", "TC", "WT", "NCR/NET", "ED")
"""Volumes in the table: nested regions, then the tissues that are no region."""
LARGEST = 1e30
"""Larger numbers mean nothing here; an integer may be too large for a float."""


is_volumes_csv = says("case,ET_ml,")
"""Whether a file is a table of volumes of this program."""


def write_tables(output: Path) -> None:
    """Write ``volumes.csv`` and, for each kind of label values, ``labels_<name>.txt`` and ``.ctbl``.

    Args:
        output: Prediction folder; every finished case is in the table, whenever it was segmented.

    Raises:
        UserError: The folder cannot be written.
    """
    folder = PredictionFolder(output)
    records = {}
    for path in sorted(output.iterdir()):
        if path.suffix == ".json" and folder.label_map(path.stem).is_file():
            record = folder.read_record(path.stem)
            if "volumes_ml" in record:
                records[path.stem] = record
    if not records:
        return
    write_text(output / "volumes.csv", volumes_csv(records))
    for name in sorted({_labels_of(record) for record in records.values()} & set(LABEL_VALUES)):
        write_text(output / f"labels_{name}.txt", itk_snap_labels(LABEL_VALUES[name]))
        write_text(output / f"labels_{name}.ctbl", slicer_colours(LABEL_VALUES[name]))


def refuse_foreign_tables(output: Path, *, overwrite: bool) -> None:
    """Refuse to replace somebody else's files where :func:`write_tables` writes.

    Args:
        output: Prediction folder.
        overwrite: Replace them all the same.

    Raises:
        UserError: There is such a file.
    """
    outputs = {output / "volumes.csv": is_volumes_csv}
    for name in LABEL_VALUES:
        outputs[output / f"labels_{name}.txt"] = says("# brats_seg, label values")
        outputs[output / f"labels_{name}.ctbl"] = says("Color table file of brats_seg")
    refuse_foreign(outputs, overwrite=overwrite)


def volumes_csv(records: Mapping[str, Mapping[str, Any]]) -> str:
    """A line per case: volumes in ml, Dice of A against B, what the user should know.

    Args:
        records: Case id to the JSON beside its final label map, or what would stand in it.

    Returns:
        CSV; a field is empty where nothing is known.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    volumes = [f"{name}_ml" for name in COLUMNS]
    writer.writerow(["case", *volumes, *(f"dice_a_b_{name}" for name in REGIONS), "warnings"])
    for case_id, record in records.items():
        ml, alike = numbers(record.get("volumes_ml")), numbers(record.get(AGREEMENT))
        ml = tissue_volumes_ml(ml) if set(REGIONS) <= set(ml) else ml
        cells = [ml.get(name, "") for name in COLUMNS] + [alike.get(name, "") for name in REGIONS]
        writer.writerow([case_id, *cells, "; ".join(record.get("warnings", []))])
    return text.getvalue()


def numbers(held: Any) -> dict[str, float]:
    """Names and finite numbers of a mapping in a JSON that may hold anything."""
    found = {}
    for name, value in held.items() if isinstance(held, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST:
            found[str(name)] = float(value)
    return found


def _labels_of(record: Mapping[str, Any]) -> str:
    labels = record.get("labels")
    return str(labels.get("convention")) if isinstance(labels, dict) else ""
