"""Labels and regions: every way there has a way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brats_seg.errors import UserError
from brats_seg.labels import (
    LABEL_VALUES,
    TISSUES,
    convert,
    decode_regions,
    encode_regions,
    label_values,
    region_masks,
    unknown_values,
)

quick = settings(max_examples=50)
names = st.sampled_from(sorted(LABEL_VALUES))
VALUES = {name: known.values for name, known in LABEL_VALUES.items()}


@st.composite
def maps(draw):
    known = label_values(draw(names))
    return known, np.array(draw(arrays(np.uint8, (3, 4, 5), elements=st.sampled_from(VALUES[known.name]))))


@quick
@given(maps())
def test_decode_undoes_encode(drawn):
    known, label_map = drawn
    regions = encode_regions(label_map, known)
    tumour = np.where(label_map == known.cavity, 0, label_map)  # a network of three regions knows no cavity
    np.testing.assert_array_equal(decode_regions(regions, known), tumour)
    et, tc, wt = regions
    assert not (et & ~tc).any()
    assert not (tc & ~wt).any()
    np.testing.assert_array_equal(wt, (label_map != 0) & (label_map != known.cavity))


@quick
@given(arrays(np.bool_, (3, 2, 3, 4)), names)
def test_decoding_what_is_not_nested_keeps_the_inner_region(regions, name):
    again = encode_regions(decode_regions(regions, label_values(name)), label_values(name))
    np.testing.assert_array_equal(again[0], regions[0])
    np.testing.assert_array_equal(again[1], regions[0] | regions[1])
    np.testing.assert_array_equal(again[2], regions.any(axis=0))


@quick
@given(maps(), names)
def test_convert_and_back(drawn, name):
    known, label_map = drawn
    other = label_values(name)
    if known.cavity in label_map and other.cavity is None:
        with pytest.raises(UserError, match=f"{name} has no value for the resection cavity, 4 of brats2024"):
            convert(label_map, known, other)
        return
    there = convert(label_map, known, other)
    np.testing.assert_array_equal(convert(there, other, known), label_map)
    np.testing.assert_array_equal(encode_regions(there, other), encode_regions(label_map, known))


def test_the_values_of_the_challenges():
    # The order of `values` is background, NCR/NET, ED, ET.
    # Task01's dataset.json: 1 edema, 2 non-enhancing, 3 enhancing.
    assert {name: c.values for name, c in LABEL_VALUES.items()} == {
        "brats2020": (0, 1, 2, 4),
        "brats2023": (0, 1, 2, 3),
        "brats2024": (0, 1, 2, 3, 4),
        "msd": (0, 2, 1, 3),
    }


@quick
@given(arrays(np.int16, (2, 3, 4), elements=st.integers(-3, 9)), names)
def test_unknown_values_are_those_that_are_not_known(label_map, name):
    known = label_values(name)
    assert unknown_values(label_map, known) == sorted(set(label_map.ravel().tolist()) - set(known.values))


def test_the_six_regions_of_2024():
    label_map = np.arange(5, dtype=np.uint8).reshape(1, 1, 5)
    masks = region_masks(label_map, label_values("brats2024"), TISSUES)
    inside = {region: np.flatnonzero(mask).tolist() for region, mask in masks.items()}
    assert inside == {"ET": [3], "TC": [1, 3], "WT": [1, 2, 3], "NETC": [1], "SNFH": [2], "RC": [4]}
    assert not region_masks(label_map, label_values("brats2020"), ["RC"])["RC"].any()


def test_unknown_values_of_floats():
    assert unknown_values(np.array([[[0.0, 1.0, 4.0, 0.5]]]), label_values("brats2020")) == [0.5]


def test_mistakes_are_one_line():
    with pytest.raises(UserError, match="use one of brats2020, brats2023, brats2024, msd"):
        label_values("brats")
    with pytest.raises(UserError, match=r"labels \[4\] are no label values of brats2023"):
        convert(np.array([[[0, 4]]]), label_values("brats2023"), label_values("brats2020"))
