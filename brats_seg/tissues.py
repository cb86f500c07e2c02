"""Names, meanings and colours of the tissues, alike in pictures, pages and the files that viewers read.

Covered by tests/test_pictures.py and tests/artifacts/test_label_names.py.
"""

from __future__ import annotations

from brats_seg.labels import LabelValues

Colour = tuple[float, float, float]
COLOURS: dict[str, Colour] = {
    "ET": (0.89, 0.10, 0.11),
    "NCR/NET": (0.20, 0.63, 0.17),
    "ED": (1.00, 0.85, 0.10),
    "RC": (0.20, 0.70, 0.90),
}
"""As in the paper's figures: red, green, yellow; the resection cavity, which the paper lacks, light blue."""
PALETTES: dict[str, dict[str, Colour]] = {
    "paper": COLOURS,
    "safe": {
        "ET": (0.835, 0.369, 0.0),
        "NCR/NET": (0.0, 0.447, 0.698),
        "ED": (0.941, 0.894, 0.259),
        "RC": (0.8, 0.475, 0.655),
    },
}
"""By name; ``safe``: four colours of Okabe and Ito that colour-blind readers tell apart."""
MEANINGS = {
    "ET": "enhancing tumour",
    "NCR/NET": "necrosis and non-enhancing tumour",
    "ED": "oedema",
    "RC": "resection cavity",
}


def tissues(labels: LabelValues) -> dict[str, int]:
    """Name of each tissue that the label values know to its value."""
    found = {"ET": labels.enhancing, "NCR/NET": labels.necrosis, "ED": labels.oedema}
    return found if labels.cavity is None else {**found, "RC": labels.cavity}


def as_bytes(colour: Colour) -> list[int]:
    """A colour as red, green and blue from 0 to 255."""
    return [round(255 * channel) for channel in colour]
