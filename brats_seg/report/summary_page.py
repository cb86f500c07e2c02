"""The page of one patient as a figure of A4 size. Covered by tests/report/test_summary.py."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import Bbox

import brats_seg
from brats_seg.artifacts.prediction_tables import COLUMNS
from brats_seg.artifacts.provenance import NOTICE
from brats_seg.artifacts.recorded_bundles import recorded_bundles
from brats_seg.pictures import centre_of_interest
from brats_seg.report.material import Material
from brats_seg.report.provenance import bundle_line, synthetic_line
from brats_seg.report.shown import SHOWN
from brats_seg.report.slices import Cut, Style, draw_strip
from brats_seg.tissues import COLOURS, MEANINGS, tissues

A4_INCHES = (8.27, 11.69)
PLANES = ("Axial", "Coronal", "Sagittal")
MOST_LINES = 14
"""Warnings and provenance that the page has room for; the JSON has all."""
COLUMN = 112
"""Letters in a line."""
USE = "Nothing here may be used to decide on a patient's diagnosis or treatment."


def draw_summary(material: Material) -> Figure:
    """Pictures in three planes, volumes, warnings, provenance and the research notice.

    Args:
        material: Of the case.

    Returns:
        The figure.
    """
    figure = Figure(figsize=A4_INCHES, facecolor="white")
    grid = figure.add_gridspec(4, 3, height_ratios=(3.1, 3.1, 1.7, 2.6))
    figure.subplots_adjust(left=0.06, right=0.94, top=0.9, bottom=0.09, hspace=0.14, wspace=0.04)
    figure.text(0.06, 0.955, material.case_id, fontsize=16, weight="bold")
    figure.text(0.06, 0.93, f"brats-seg {brats_seg.__version__}: segmentation of a glioma", fontsize=9)
    _draw_slices(material, [[figure.add_subplot(grid[row, column]) for column in range(3)] for row in (0, 1)])
    _draw_volumes(material, figure.add_subplot(grid[2, :]))
    _write_lines(material, figure.add_subplot(grid[3, :]))
    _write_notice(figure, synthetic_line(material.record))
    return figure


def _draw_slices(material: Material, rows: list[list[Axes]]) -> None:
    """The sequence alone, and with the final label map, on the slices with most tumour."""
    box = material.brain
    grey, final = material.under[box.slices] / 255, material.final[box.slices]
    centre = centre_of_interest(final, grey > 0)
    for row, label_map in zip(rows, (None, final), strict=True):
        for axis, panel in enumerate(row):
            cut = Cut(centre, (axis,), box.start)
            panel.imshow(draw_strip(grey, cut, SHOWN, label_map=label_map, style=Style()))
            panel.axis("off")
            if label_map is None:
                panel.set_title(PLANES[axis], fontsize=9)
    handles = []
    for name in tissues(SHOWN):
        if name != "RC" or material.cavity:
            handles.append(Patch(color=COLOURS[name], label=f"{name}, {MEANINGS[name]}"))
    rows[1][1].legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02),
        ncol=len(handles),
        frameon=False,
        fontsize=8,
    )


def _draw_volumes(material: Material, panel: Axes) -> None:
    """A row per label map, and one of the agreement of A and B."""
    panel.axis("off")
    cells, names = [], []
    for title, volumes in material.volumes_ml().items():
        names.append(f"{title}, ml")
        cells.append([f"{volumes[name]:.1f}" for name in COLUMNS])
    agreement = material.agreement()
    if agreement:
        names.append("Dice of A and B")
        cells.append([f"{agreement[name]:.2f}" if name in agreement else "" for name in COLUMNS])
    table = panel.table(
        cellText=cells,
        rowLabels=names,
        colLabels=list(COLUMNS),
        loc="center",
        cellLoc="right",
        bbox=Bbox.from_bounds(0.24, 0.0, 0.76, 0.8),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    for cell in table.get_celld().values():
        cell.set_linewidth(0.4)


def _write_lines(material: Material, panel: Axes) -> None:
    panel.axis("off")
    lines = [f"Warning: {warning}" for warning in material.warnings]
    lines += [bundle_line(bundle) for bundle in recorded_bundles(material.record)]
    settings = material.record.get("settings")
    if isinstance(settings, dict):
        chosen = [f"{key} {settings[key]}" for key in ("tta", "threshold", "inferer") if key in settings]
        lines.append(f"{', '.join(chosen)}; precision {material.record.get('precision', 'unknown')}")
    if not material.record:
        lines.append("No record lies beside the label map: nothing is known of how it was made.")
    wrapped: list[str] = []
    for line in lines:
        wrapped += textwrap.wrap(line, COLUMN)
    if len(wrapped) > MOST_LINES:
        wrapped = [*wrapped[: MOST_LINES - 1], "... the JSON beside the label map has all"]
    panel.text(0, 0.97, "Warnings and provenance", fontsize=10, weight="bold", va="top")
    panel.text(0, 0.86, "\n".join(wrapped), fontsize=8, va="top", linespacing=1.35)


def _write_notice(figure: Figure, synthetic: str | None) -> None:
    figure.text(0.06, 0.045, NOTICE, fontsize=11, weight="bold", color="#a40000")
    figure.text(0.06, 0.025, USE, fontsize=9)
    if synthetic is not None:
        words = synthetic[0].upper() + synthetic[1:]
        figure.text(0.94, 0.955, words, fontsize=9, weight="bold", color="#a40000", ha="right")
