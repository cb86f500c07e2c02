"""Pictures of slices and label maps, alike in reports, trackers and the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from brats_seg.figures import literal_text, save_figure
from brats_seg.geometry import Triple
from brats_seg.labels import LabelValues
from brats_seg.tissues import COLOURS, PALETTES, tissues

TITLES = ("T1", "T1ce", "T2", "FLAIR")


def busiest_slice(label_map: NDArray[np.integer] | None, brain: NDArray[np.bool_]) -> int:
    """The axial slice with most tumour; with most brain where there is none.

    Args:
        label_map: ``(z, y, x)``, or None.
        brain: Same shape.

    Returns:
        Index along ``z``.
    """
    return _fullest(_interesting(label_map, brain), 0)


def overlay(
    grey: NDArray[Any],
    label_map: NDArray[np.integer],
    labels: LabelValues,
    alpha: float = 0.55,
    *,
    palette: str = "paper",
    outlined: bool = False,
) -> NDArray[np.float64]:
    """Draw a label map over one slice.

    Args:
        grey: ``(y, x)``; what lies outside [0, 1] is clipped.
        label_map: ``(y, x)``.
        labels: What the values of the label map mean.
        alpha: How little the grey below darkens a fill, 0 to 1: its hue is the legend's; outlines are opaque.
        palette: Key of :data:`brats_seg.tissues.PALETTES`.
        outlined: Outlines instead of fills.

    Returns:
        RGB ``(y, x, 3)`` in [0, 1].
    """
    rgb = np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=-1).astype(np.float64)
    if outlined:
        alpha = 1.0
        label_map = np.where(_border(label_map), label_map, 0)
    for name, value in tissues(labels).items():
        inside = label_map == value
        shade = alpha + (1 - alpha) * rgb[inside]
        rgb[inside] = shade * np.asarray(PALETTES[palette][name])
    return rgb


def centre_of_interest(label_map: NDArray[np.integer] | None, brain: NDArray[np.bool_]) -> Triple:
    """Along each axis the slice with most tumour; with most brain where there is none.

    Args:
        label_map: ``(z, y, x)``, or None.
        brain: Same shape.

    Returns:
        Voxel ``(z, y, x)``.
    """
    chosen = _interesting(label_map, brain)
    return _fullest(chosen, 0), _fullest(chosen, 1), _fullest(chosen, 2)


def overview(
    image: NDArray[np.number],
    truth: NDArray[np.integer] | None,
    prediction: NDArray[np.integer] | None,
    labels: LabelValues,
    title: str,
) -> Figure:
    """Four modalities, truth and prediction on the slice with most tumour, the patient's right on the left.

    Args:
        image: ``(modality, z, y, x)`` in LPS, any units.
        truth: ``(z, y, x)``, or None.
        prediction: ``(z, y, x)``, or None.
        labels: What the values of both label maps mean.
        title: Written above.

    Returns:
        The figure.
    """
    brain = (image != 0).any(0)
    z = busiest_slice(truth if truth is not None else prediction, brain)
    rows, columns = _extent(brain[z].any(1)), _extent(brain[z].any(0))
    panels = {
        name: window(channel[z], brain[z])[rows, columns] for name, channel in zip(TITLES, image, strict=True)
    }
    for name, label_map in (("Truth", truth), ("Prediction", prediction)):
        if label_map is not None:
            panels[name] = overlay(panels["T1ce"], label_map[z][rows, columns], labels)
    figure = Figure(figsize=(2.3 * len(panels), 3.1), facecolor="black")
    FigureCanvasAgg(figure)
    (axes,) = figure.subplots(1, len(panels), squeeze=False)
    for axis, (name, panel) in zip(axes, panels.items(), strict=True):
        axis.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(name, color="white", fontsize=11)
        axis.axis("off")
    figure.suptitle(f"{title}, axial slice {z}", color="white", fontsize=11, y=0.99)
    handles = [Patch(color=COLOURS[name], label=name) for name in tissues(labels)]
    figure.legend(
        handles=handles, loc="lower center", ncol=len(handles), frameon=False, labelcolor="white", fontsize=10
    )
    figure.subplots_adjust(left=0.005, right=0.995, top=0.84, bottom=0.1, wspace=0.03)
    with literal_text(figure):  # trackers draw it, too
        return figure


def save_overview(
    path: Path,
    image: NDArray[np.number],
    truth: NDArray[np.integer] | None,
    prediction: NDArray[np.integer] | None,
    labels: LabelValues,
    title: str,
) -> None:
    """Write :func:`overview` as PNG, whole or not at all.

    Args:
        path: Of the file.
        image: As for :func:`overview`.
        truth: As for :func:`overview`.
        prediction: As for :func:`overview`.
        labels: As for :func:`overview`.
        title: As for :func:`overview`.

    Raises:
        UserError: The file cannot be written.
    """
    save_figure(path, overview(image, truth, prediction, labels, title), dpi=110)


def window(grey: NDArray[np.number], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Stretch grey values between the 1st and the 99th percentile.

    Args:
        grey: Any shape, any units.
        inside: Same shape; the voxels whose percentiles count.

    Returns:
        Values in [0, 1], 0 outside.
    """
    low, high = window_of(grey[inside])
    return np.where(inside, np.clip((grey - low) / max(high - low, 1e-6), 0, 1), 0)


def window_of(values: NDArray[np.number]) -> tuple[float, float]:
    """The 1st and the 99th percentile: what is shown black and what is shown white."""
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, (1, 99))
    return float(low), float(high)


def _interesting(label_map: NDArray[np.integer] | None, brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return brain if label_map is None or not label_map.any() else label_map != 0


def _fullest(mask: NDArray[np.bool_], axis: int) -> int:
    """The slice across an axis with most true voxels."""
    others = tuple(other for other in range(mask.ndim) if other != axis)
    return int(mask.sum(axis=others).argmax())


def _extent(hits: NDArray[np.bool_]) -> slice:
    """From three before the first hit to three behind the last."""
    found = np.flatnonzero(hits)
    if not found.size:
        return slice(None)
    return slice(max(int(found[0]) - 3, 0), int(found[-1]) + 4)


def _border(label_map: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Pixels beside one of another tissue, on the inner side."""
    around = np.pad(label_map, 1, mode="edge")
    shifted = (around[2:, 1:-1], around[:-2, 1:-1], around[1:-1, 2:], around[1:-1, :-2])
    border: NDArray[np.bool_] = np.logical_or.reduce([label_map != other for other in shifted])
    return border
