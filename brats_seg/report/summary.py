"""One patient on one page: a PDF with volumes, pictures and provenance, and the numbers as CSV.

Covered by tests/report/test_summary.py.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from brats_seg.errors import UserError
from brats_seg.figures import save_pdf
from brats_seg.files import Ours, says, write_text
from brats_seg.report.material import Material, read_material
from brats_seg.report.recorded_pages import recorded_pages
from brats_seg.report.summary_page import draw_summary

SUMMARIES = "summaries"
"""Folder of the summaries in a prediction folder or a report."""


def write_case_summary(predictions: Path, case_id: str, output: Path | None = None) -> Path:
    """Write the summary of one case of a prediction folder; the images are those that its JSON names.

    Args:
        predictions: Prediction folder.
        case_id: Of the case.
        output: Folder for ``<case id>.pdf`` and ``<case id>.csv``; None: ``summaries/`` in the prediction
            folder.

    Returns:
        The PDF.

    Raises:
        UserError: There is no such case, one of its files cannot be used, or nothing can be written.
    """
    for files in recorded_pages(predictions, None):
        if files.case.id == case_id:
            material = read_material(files, predictions)
            return write_summary(material, predictions / SUMMARIES if output is None else output)
    raise UserError(f"{predictions}: expected a label map of case {case_id}, found none")


def write_summary(material: Material, output: Path) -> Path:
    """Write ``<case id>.pdf`` and ``<case id>.csv``.

    Args:
        material: Of the case.
        output: Their folder.

    Returns:
        The PDF.

    Raises:
        UserError: The folder cannot be written.
    """
    table, path = summary_files(output, material.case_id)
    write_text(table, summary_csv(material))
    save_pdf(path, draw_summary(material), title=f"{material.case_id}, brats-seg")
    return path


def summary_files(output: Path, case_id: str) -> dict[Path, Ours]:
    """The table, which is written first, and the PDF, and what tells whether those that are there are ours.

    Args:
        output: Their folder.
        case_id: Of the case.
    """
    table, ours = output / f"{case_id}.csv", says("case,map,region,quantity,value\n")
    return {table: ours, output / f"{case_id}.pdf": lambda _: ours(table)}


def summary_csv(material: Material) -> str:
    """A line per number: case, label map, region, quantity, value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", "map", "region", "quantity", "value"])
    for title, volumes in material.volumes_ml().items():
        for region, value in volumes.items():
            writer.writerow([material.case_id, title, region, "volume_ml", f"{value:.3f}"])
    for region, value in material.agreement().items():
        writer.writerow([material.case_id, "A against B", region, "dice", f"{value:.4f}"])
    return text.getvalue()
