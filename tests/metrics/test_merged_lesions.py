"""Which pieces of a tissue are one lesion; tests/evaluation/test_golden.py holds numbers of the program."""

from __future__ import annotations

import numpy as np

from brats_seg.metrics.merged_lesions import find_lesions, join_beside, without_small

SHAPE = (30, 30, 60)


def marked(*voxels: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for voxel in voxels:
        mask[voxel] = True
    return mask


def numbered(*lesions: tuple[int, int, int]) -> np.ndarray:
    numbers = np.zeros(SHAPE, np.int32)
    for number, voxel in enumerate(lesions, 1):
        numbers[voxel] = number
    return numbers


def test_pieces_whose_dilations_touch_are_one_lesion() -> None:
    # Three steps from each side reach 6 voxels; the first plane behind them touches still.
    assert find_lesions(marked((9, 9, 9), (9, 9, 16)), 3).numbers.max() == 1
    assert find_lesions(marked((9, 9, 9), (9, 9, 17)), 3).numbers.max() == 2
    assert find_lesions(marked((9, 9, 9), (9, 9, 20)), 5).numbers.max() == 1


def test_lesions_are_numbered_along_x_wherever_they_lie_along_z() -> None:
    voxels = [(25, 25, 5), (5, 5, 25), (15, 5, 50)]
    lesions = find_lesions(marked(*voxels), 3)
    assert [lesions.numbers[voxel] for voxel in voxels] == [1, 2, 3]
    assert set(np.unique(lesions.numbers)) == {0, 1, 2, 3}
    assert np.array_equal(lesions.grown > 0, find_lesions(lesions.grown > 0, 0).numbers > 0)
    assert (lesions.grown[lesions.numbers > 0] == lesions.numbers[lesions.numbers > 0]).all()


def test_the_largest_lesion_that_is_cleared_has_just_so_many_voxels() -> None:
    numbers = np.zeros(SHAPE, np.int32)
    numbers[0, 0, :20], numbers[5, 0, :21] = 1, 2
    assert set(np.unique(without_small(numbers, 20))) == {0, 2}
    assert without_small(np.zeros(SHAPE, np.int32), 20).max() == 0


def test_lesions_beside_the_same_lesion_of_another_tissue_are_one() -> None:
    numbers = numbered((5, 5, 5), (5, 5, 7), (5, 5, 20))
    assert join_beside(numbers, [numbered((5, 5, 6))]).tolist() == [0, 1, 1, 3]
    corner = join_beside(numbers, [numbered((6, 6, 6))])  # a corner is no neighbour among the 18
    assert corner.tolist() == [0, 1, 2, 3]


def test_a_lesion_beside_several_goes_with_the_lowest_number() -> None:
    numbers = numbered((5, 5, 5), (5, 5, 7), (5, 5, 9))
    others = numbered((5, 5, 6), (5, 5, 8))  # the middle one touches both
    assert join_beside(numbers, [others]).tolist() == [0, 1, 1, 3]
    assert join_beside(numbers, [np.array([0, 2, 1], np.int32)[others]]).tolist() == [0, 1, 2, 2]


def test_tissues_join_one_after_the_other() -> None:
    numbers = numbered((5, 5, 5), (5, 5, 7), (5, 5, 9))
    assert join_beside(numbers, [numbered((5, 5, 6)), numbered((5, 5, 8))]).tolist() == [0, 1, 1, 1]


def test_the_edge_of_the_volume_is_no_neighbour_of_the_other_edge() -> None:
    assert join_beside(numbered((0, 0, 0), (3, 3, 3)), [numbered((0, 0, 59))]).tolist() == [0, 1, 2]
