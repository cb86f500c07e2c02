"""Label values and the nested regions ET inside TC inside WT. The only file that knows 1, 2, 4 and 3."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Bool, Integer, Real, UInt8
from numpy.typing import NDArray

from brats_seg.errors import UserError, WrongValue


@dataclass(frozen=True)
class LabelValues:
    """Which value stands for which tissue.

    Attributes:
        name: How people ask for it.
        necrosis: Necrotic and non-enhancing tumour (NCR/NET).
        oedema: Peritumoural oedema (ED).
        enhancing: Enhancing tumour (ET).
        cavity: Resection cavity (RC), no part of the tumour; None where there is no such value.
    """

    name: str
    necrosis: int
    oedema: int
    enhancing: int
    cavity: int | None = None

    @property
    def values(self) -> tuple[int, ...]:
        """Every legal value: background, NCR/NET, ED, ET and, where there is one, RC."""
        tumour = (0, self.necrosis, self.oedema, self.enhancing)
        return tumour if self.cavity is None else (*tumour, self.cavity)


_KNOWN = (
    LabelValues("brats2020", necrosis=1, oedema=2, enhancing=4),  # BraTS 2017 to 2021
    LabelValues("brats2023", necrosis=1, oedema=2, enhancing=3),  # since BraTS 2023, before treatment
    LabelValues("brats2024", necrosis=1, oedema=2, enhancing=3, cavity=4),  # since 2024, after treatment
    LabelValues("msd", necrosis=2, oedema=1, enhancing=3),  # Medical Decathlon Task01, dataset.json
)
LABEL_VALUES = {known.name: known for known in _KNOWN}
TISSUES = {
    "ET": ("enhancing",),
    "TC": ("enhancing", "necrosis"),
    "WT": ("enhancing", "necrosis", "oedema"),
    "NETC": ("necrosis",),
    "SNFH": ("oedema",),
    "RC": ("cavity",),
}
"""Region to the tissues in it: the nested ones, then those that BraTS 2024 scores besides."""


def label_values(name: str) -> LabelValues:
    """The label values of a name.

    Raises:
        UserError: The name is not known.

    >>> label_values("brats2020").values
    (0, 1, 2, 4)
    """
    if name not in LABEL_VALUES:
        raise WrongValue(f"unknown label values {name!r}: use one of {', '.join(LABEL_VALUES)}")
    return LABEL_VALUES[name]


def unknown_values(label_map: Real[NDArray[np.number], "z y x"], source: LabelValues) -> list[float]:
    """Values of a label map that are none of the known ones.

    Args:
        label_map: Of any numeric type.
        source: The known label values.

    Returns:
        Ascending.

    >>> unknown_values(np.array([[[0, 1, 3]]]), label_values("brats2020"))
    [3]
    """
    tumour = label_map[label_map != 0]  # few voxels: 15 times as fast as sorting every one
    return sorted(set(np.unique(tumour).tolist()) - set(source.values))


def encode_regions(
    label_map: Integer[NDArray[np.integer], "z y x"], source: LabelValues
) -> Bool[NDArray[np.bool_], "region=3 z y x"]:
    """Label map to nested regions.

    Args:
        label_map: Of known values only.
        source: Its label values.

    Returns:
        In the order ET, TC, WT.

    >>> encode_regions(np.array([[[0, 1, 2, 4]]]), label_values("brats2020")).astype(int).tolist()
    [[[[0, 0, 0, 1]]], [[[0, 1, 0, 1]]], [[[0, 1, 1, 1]]]]
    """
    enhancing = label_map == source.enhancing
    core = enhancing | (label_map == source.necrosis)
    return np.stack([enhancing, core, core | (label_map == source.oedema)])


def region_masks(
    label_map: Integer[NDArray[np.integer], "z y x"], source: LabelValues, regions: Iterable[str]
) -> dict[str, Bool[NDArray[np.bool_], "z y x"]]:
    """Label map to any regions.

    Args:
        label_map: Of known values only.
        source: Its label values.
        regions: Keys of :data:`TISSUES`.

    Returns:
        Region to where it is; empty where the label values lack its tissue.

    >>> region_masks(np.array([[[0, 1, 2, 3, 4]]]), label_values("brats2024"), ["RC"])["RC"].astype(int)
    array([[[0, 0, 0, 0, 1]]])
    """
    masks = {}
    for region in regions:
        values = [getattr(source, tissue) for tissue in TISSUES[region]]
        mask = np.zeros(label_map.shape, np.bool_)
        for value in values:
            if value is not None:
                mask |= label_map == value
        masks[region] = mask
    return masks


def decode_regions(
    regions: Bool[NDArray[np.bool_], "region=3 z y x"], target: LabelValues
) -> UInt8[NDArray[np.uint8], "z y x"]:
    """Regions to a label map (section 2.6, first step).

    ET as it is, NCR/NET = TC minus ET, ED = WT minus TC. An inner region wins over an outer one that misses
    it.

    Args:
        regions: In the order ET, TC, WT.
        target: Label values of the result.

    Returns:
        The label map.

    >>> label_map = np.array([[[0, 1, 2, 4]]])
    >>> decode_regions(encode_regions(label_map, label_values("brats2020")), label_values("brats2023"))
    array([[[0, 1, 2, 3]]], dtype=uint8)
    """
    enhancing, core, whole = regions
    label_map = np.zeros(whole.shape, np.uint8)
    label_map[whole] = target.oedema
    label_map[core] = target.necrosis
    label_map[enhancing] = target.enhancing
    return label_map


def convert(
    label_map: Integer[NDArray[np.integer], "z y x"], source: LabelValues, target: LabelValues
) -> UInt8[NDArray[np.uint8], "z y x"]:
    """Rewrite a label map with other label values.

    Args:
        label_map: With the label values ``source``.
        source: What its values mean.
        target: Label values of the result.

    Returns:
        The label map.

    Raises:
        UserError: The map holds a value that ``source`` lacks, or a cavity that ``target`` lacks.

    >>> convert(np.array([[[0, 1, 2, 4]]]), label_values("brats2020"), label_values("msd"))
    array([[[0, 2, 1, 3]]], dtype=uint8)
    """
    unknown = unknown_values(label_map, source)
    if unknown:
        raise UserError(f"labels {unknown} are no label values of {source.name}: {source.values}")
    table = np.zeros(max(source.values) + 1, np.uint8)
    if source.cavity is not None and target.cavity is None and (label_map == source.cavity).any():
        raise UserError(
            f"{target.name} has no value for the resection cavity, {source.cavity} of {source.name}"
        )
    for ours, theirs in zip(
        source.values, target.values, strict=False
    ):  # the cavity, where there is one, is last
        table[ours] = theirs
    return cast(NDArray[np.uint8], table[label_map])
