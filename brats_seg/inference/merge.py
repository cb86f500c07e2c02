"""Merge the label maps of pipelines A and B (section 2.6, second step). README.md has the truth table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brats_seg.errors import UserError
from brats_seg.labels import LabelValues, unknown_values

BACKGROUND, NECROSIS, OEDEMA, ENHANCING, CAVITY = range(5)
"""Tissues in the order of :attr:`LabelValues.values`, so that the table holds for all label values."""

TABLE = np.array(
    # A: background  necrosis  oedema      enhancing  cavity
    [
        [BACKGROUND, NECROSIS, BACKGROUND, ENHANCING, CAVITY],  # B: background
        [BACKGROUND, NECROSIS, OEDEMA, ENHANCING, CAVITY],  # B: necrosis
        [OEDEMA, NECROSIS, OEDEMA, ENHANCING, CAVITY],  # B: oedema
        [BACKGROUND, NECROSIS, OEDEMA, ENHANCING, CAVITY],  # B: enhancing
        [BACKGROUND, NECROSIS, BACKGROUND, ENHANCING, CAVITY],  # B: cavity
    ],
    np.uint8,
)


def merge_label_maps(
    a: NDArray[np.integer], b: NDArray[np.integer], labels: LabelValues
) -> NDArray[np.uint8]:
    """A decides tumour core, B decides oedema against background.

    Args:
        a: Label map of pipeline A, any shape.
        b: Label map of pipeline B, of the same shape.
        labels: Label values of both and of the result.

    Returns:
        The merged label map.

    Raises:
        UserError: Shapes differ, or a voxel has none of the label values.

    >>> from brats_seg.labels import label_values
    >>> a, b = np.array([[[0, 0, 1, 2, 4]]]), np.array([[[2, 1, 0, 0, 0]]])
    >>> merge_label_maps(a, b, label_values("brats2020"))
    array([[[2, 0, 1, 0, 4]]], dtype=uint8)
    """
    if a.shape != b.shape:
        raise UserError(f"cannot merge label maps of shapes {a.shape} and {b.shape}")
    for name, values in (("A", a), ("B", b)):
        if unknown := unknown_values(values, labels):
            raise UserError(f"label map {name} holds {unknown}, expected {labels.values} of {labels.name}")
    tissue = np.zeros(max(labels.values) + 1, np.intp)
    tissue[list(labels.values)] = range(len(labels.values))
    of_a, of_b = tissue[a.astype(np.intp)], tissue[b.astype(np.intp)]  # some programs write floats
    merged: NDArray[np.uint8] = np.array(labels.values, np.uint8)[TABLE[of_b, of_a]]
    return merged
