"""Rotation and zoom: image and target move together, as scipy moves them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from brats_seg.augment.spatial import Motion, moved

SHAPE = (14, 16, 18)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def target() -> torch.Tensor:
    depth = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)) * 4
    depth = torch.nn.functional.avg_pool3d(depth[None, None], 3, 1, 1)[0, 0]
    return torch.stack([(depth > level).float() for level in (2.2, 2.0, 1.8)])


def by_scipy(volume: torch.Tensor, motion: Motion) -> np.ndarray:
    matrix = np.linalg.inv(motion.matrix().numpy())
    centre = (np.array(volume.shape) - 1) / 2
    return ndimage.affine_transform(
        volume.numpy().astype(np.float64), matrix, centre - matrix @ centre, order=1, mode="grid-constant"
    )


@pytest.mark.parametrize(
    "motion",
    [Motion((0, 0, 20), 1.0), Motion((10, -25, 5), 0.8), Motion((0, 0, 0), 1.3), Motion((40, 0, 0), 1.0)],
)
def test_as_scipy_in_a_patch_that_is_no_cube(
    image: torch.Tensor, target: torch.Tensor, motion: Motion
) -> None:
    new_image, new_target = moved(image, target, motion)
    for ours, before in zip(new_image, image, strict=True):
        np.testing.assert_allclose(ours.numpy(), by_scipy(before, motion), atol=2e-5)
    for ours, before in zip(new_target, target, strict=True):
        share = by_scipy(before, motion)
        clear = np.abs(share - 0.5) > 1e-4
        assert np.array_equal(ours.numpy()[clear], (share > 0.5)[clear])
    assert ((new_target == 0) | (new_target == 1)).all()


def test_no_motion_is_identity(image: torch.Tensor, target: torch.Tensor) -> None:
    same_image, same_target = moved(image, target, Motion((0, 0, 0), 1.0))
    torch.testing.assert_close(same_image, image)
    assert same_target.equal(target)


@pytest.mark.parametrize(("axis", "plane"), [(0, (2, 3)), (1, (1, 3)), (2, (1, 2))])
def test_a_quarter_turn_is_exact_and_moves_both(axis: int, plane: tuple[int, int]) -> None:
    image = torch.rand(4, 12, 12, 12)
    target = (torch.rand(3, 12, 12, 12) > 0.5).float()
    degrees = [0.0, 0.0, 0.0]
    degrees[axis] = 90.0
    new_image, new_target = moved(image, target, Motion((degrees[0], degrees[1], degrees[2]), 1.0))
    torch.testing.assert_close(new_image, image.rot90(1, plane), atol=1e-4, rtol=0)
    assert new_target.equal(target.rot90(1, plane))


def test_nested_regions_stay_nested(image: torch.Tensor, target: torch.Tensor) -> None:
    new = moved(image, target.bool(), Motion((13, 7, -19), 1.1))[1]
    assert new.dtype == torch.bool
    assert new[0].any()
    assert not (new[0] & ~new[1]).any()
    assert not (new[1] & ~new[2]).any()


def test_zoom_above_one_enlarges() -> None:
    target = torch.zeros(3, 20, 20, 20)
    target[:, 7:13, 7:13, 7:13] = 1
    larger = moved(torch.zeros(4, 20, 20, 20), target, Motion((0, 0, 0), 2.0))[1]
    assert float(larger.sum() / target.sum()) == pytest.approx(2**3, rel=0.01)
