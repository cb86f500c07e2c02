"""Surfaces: where they are, how large their elements are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt
from surface_distance.lookup_tables import create_table_neighbour_code_to_surface_area

from brats_seg.metrics.surface import crop_to_union, distances_mm, voxel_surface
from brats_seg.metrics.surfels import surfel_areas_mm2, surfels

Pairs = list[tuple[np.ndarray, np.ndarray]]
Spacing = tuple[float, float, float]


def test_every_code_has_the_area_of_its_triangles(spacing: Spacing) -> None:
    assert surfel_areas_mm2(spacing) == pytest.approx(
        create_table_neighbour_code_to_surface_area(spacing), abs=1e-12
    )


def test_the_voxel_surface_is_the_mask_without_its_erosion(pairs: Pairs) -> None:
    for mask, _ in pairs:
        assert np.array_equal(voxel_surface(mask), mask & ~binary_erosion(mask))


def test_distances_are_those_of_a_distance_transform(both_full: Pairs, spacing: Spacing) -> None:
    for a, b in both_full:
        assert distances_mm(a, b, spacing) == pytest.approx(distance_transform_edt(~b, sampling=spacing)[a])


def test_a_box_has_the_area_of_its_faces_but_for_its_edges() -> None:
    box = np.ones((20, 30, 40), bool)
    areas = surfels(box, box, (1.0, 1.0, 1.0)).truth_areas
    assert areas.sum() == pytest.approx(2 * (20 * 30 + 30 * 40 + 40 * 20), rel=0.05)


def test_two_empty_masks_have_no_surface() -> None:
    with pytest.raises(ValueError, match="empty"):
        crop_to_union(*np.zeros((2, 3, 3, 3), bool))
