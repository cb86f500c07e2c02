"""What the values of label maps mean, in the files that ITK-SNAP and 3D Slicer read."""

from __future__ import annotations

from brats_seg.labels import LabelValues
from brats_seg.tissues import COLOURS, MEANINGS, as_bytes, tissues

RULE = "################################################"


def itk_snap_labels(labels: LabelValues) -> str:
    """A label description file: Segmentation, Import Label Descriptions in ITK-SNAP.

    Its columns are value, red, green, blue, opacity, visible, visible in 3-D, name.
    """
    lines = [
        RULE,
        "# ITK-SnAP Label Description File",
        f"# brats_seg, label values {labels.name}",
        "# IDX -R- -G- -B- -A-- VIS MSH LABEL",
        RULE,
        '    0     0    0    0        0  0  0    "Clear Label"',
    ]
    for name, value in _by_value(labels):
        red, green, blue = as_bytes(COLOURS[name])
        text = f"{name}, {MEANINGS[name]}"
        lines.append(f'{value:5d}   {red:3d}  {green:3d}  {blue:3d}        1  1  1    "{text}"')
    return "\n".join(lines) + "\n"


def slicer_colours(labels: LabelValues) -> str:
    """A colour table of 3D Slicer, to be added beside the label map and chosen as its colours.

    Its columns are value, name without blanks, red, green, blue, opacity.
    """
    lines = [
        f"# Color table file of brats_seg, label values {labels.name}",
        f"# {len(tissues(labels)) + 1} values",
        "0 background 0 0 0 0",
    ]
    for name, value in _by_value(labels):
        red, green, blue = as_bytes(COLOURS[name])
        text = f"{name}_{MEANINGS[name]}".replace(" ", "_")
        lines.append(f"{value} {text} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"


def _by_value(labels: LabelValues) -> list[tuple[str, int]]:
    return sorted(tissues(labels).items(), key=lambda item: item[1])
