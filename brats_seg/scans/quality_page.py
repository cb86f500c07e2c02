"""The page that shows whether the images of one case lie on one another: checkerboards, edges, outline of
the brain, numbers.

Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from brats_seg.files import whole_file, write_text
from brats_seg.geometry import bounding_box
from brats_seg.scans.aligned_folder import AlignedFolder

SQUARE = 20
"""Of the checkerboard, in voxels."""
AROUND = 20
"""Voxels around the brain that are shown."""
NEAR = 4
"""Voxels around the brain that have edges drawn: those of the scalp would cover it."""
PLANES = ("axial", "coronal", "sagittal")
Array = NDArray[np.floating[Any]]
Numbers = Mapping[str, Mapping[str, Any]]


def write_quality_page(
    folder: AlignedFolder,
    images: Mapping[str, Array],
    brain: NDArray[np.bool_],
    atlas: Array,
    numbers: Numbers,
    warnings: Sequence[str],
) -> None:
    """Write ``align/quality.png`` and ``align/quality.html``.

    Args:
        folder: Of the case.
        images: Modality to the sequence on the target grid ``(z, y, x)``, with its skull.
        brain: On the target grid.
        atlas: On the target grid.
        numbers: ``t1``, ``t2``, ``flair`` and ``atlas`` to the numbers of their registration.
        warnings: What looks failed.
    """
    picture = folder.details / "quality.png"
    with whole_file(picture) as temporary:
        _figure(images, brain, atlas).savefig(temporary, format="png", dpi=80)
    page = _page(folder.case_id, picture.read_bytes(), numbers, warnings)
    write_text(folder.details / "quality.html", page)


def _figure(images: Mapping[str, Array], brain: NDArray[np.bool_], atlas: Array) -> Any:
    """Rows: T1ce with T1, T2, FLAIR and the atlas, and the outline of the brain; columns: planes, boards
    then edges."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    box = bounding_box(brain)
    assert box is not None  # brain extraction refuses an image without a brain
    shown = box.grown(AROUND, brain.shape).slices
    near = binary_dilation(brain[shown], iterations=NEAR)
    fixed = _grey(images["t1ce"], brain)[shown]
    rows = [(name, _grey(images[name], brain)[shown]) for name in ("t1", "t2", "flair")]
    rows.append(("atlas", _grey(atlas, atlas > 0)[shown]))
    brain = brain[shown]
    figure = Figure(figsize=(18, 3 * (len(rows) + 1)), facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows) + 1, 6)
    middle = [int(np.mean(np.flatnonzero(brain.any(axis=_others(axis))))) for axis in range(3)]
    for line, (name, other) in zip(axes, rows, strict=False):
        for axis in range(3):
            one, two = _plane(fixed, axis, middle[axis]), _plane(other, axis, middle[axis])
            _show(line[axis], _checkerboard(one, two), f"T1ce | {name}, {PLANES[axis]}")
            _show(line[axis + 3], one, f"edges of {name} on T1ce")
            edges = np.where(_plane(near, axis, middle[axis]), two, np.nan)
            line[axis + 3].contour(edges, levels=_levels(edges), colors="yellow", linewidths=0.5)
    for column, (axis, at) in enumerate(_outline_planes(middle)):
        _show(axes[-1][column], _plane(fixed, axis, at), f"brain, {PLANES[axis]} {shown[axis].start + at}")
        axes[-1][column].contour(
            _plane(brain.astype(float), axis, at), levels=[0.5], colors="red", linewidths=1
        )
    figure.subplots_adjust(left=0.005, right=0.995, top=0.97, bottom=0.005, wspace=0.02, hspace=0.1)
    return figure


def _outline_planes(middle: list[int]) -> Iterator[tuple[int, int]]:
    yield from enumerate(middle)
    yield from ((0, middle[0] - 30), (0, middle[0] + 30), (2, middle[2] + 30))


def _levels(plane: Array) -> list[float]:
    bright = plane[plane > 0.02]
    return sorted({float(each) for each in np.percentile(bright, (25, 60))}) if bright.size else [0.5]


def _show(axis: Any, plane: Array, title: str) -> None:
    axis.imshow(plane, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set_title(title, color="white", fontsize=9)
    axis.axis("off")


def _grey(image: Array, inside: NDArray[np.bool_]) -> Array:
    low, high = np.percentile(image[inside], (1, 99))
    grey: Array = np.clip((image - min(low, 0)) / max(high - min(low, 0), 1e-6), 0, 1)
    return grey


def _others(axis: int) -> tuple[int, ...]:
    return tuple(each for each in range(3) if each != axis)


def _plane(volume: Array, axis: int, at: int) -> Array:
    """A slice with the crown, or the face, up."""
    plane: Array = np.take(volume, int(np.clip(at, 0, volume.shape[axis] - 1)), axis)
    return plane if axis == 0 else plane[::-1]


def _checkerboard(one: Array, two: Array) -> Array:
    rows, columns = np.indices(one.shape) // SQUARE
    return np.where((rows + columns) % 2, one, two)


def _page(case_id: str, picture: bytes, numbers: Numbers, warnings: Sequence[str]) -> str:
    """Every text that came with the scans is escaped."""
    heads = ("", "metric before", "metric after", "turn (degrees)", "shift (mm)", "overlap")
    keys = ("before", "after", "turn_degrees", "shift_mm", "overlap")
    rows = []
    for name, values in numbers.items():
        cells = [name, *("none" if values.get(key) is None else f"{values[key]:.3g}" for key in keys)]
        rows.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    lines = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    verdict = f"<p>Looks failed:</p><ul>{lines}</ul>" if warnings else "<p>No number looks failed.</p>"
    source = base64.b64encode(picture).decode()
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(case_id)}: alignment</title>
<style>body{{background:#111;color:#ddd;font-family:sans-serif}}td,th{{padding:.2em 1em;text-
align:right}}img{{max-width:100%}}</style>
<h1>{escape(case_id)}: alignment</h1>
<p>For research; not a medical device. The metric is mutual information in nats; the turn and the shift are
those of the transform; to the atlas they tell how the head lay in the scanner, and have no limit.</p>
{verdict}
<table><tr>{head}</tr>{table}</table>
<img alt="Checkerboards and edges of each pair in three planes, and the outline of the brain"
src="data:image/png;base64,{source}">
</html>
"""
