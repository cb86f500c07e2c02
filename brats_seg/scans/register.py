"""Rigid and affine registration by mutual information (Mattes et al. 2003), coarse to fine, the same answer
each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.errors import UserError
from brats_seg.scans.images import Image, isotropic
from brats_seg.scans.packages import load

BINS = 50
SPACING_MM = 2.0
"""Of the fixed image at the finest level."""
SHRINK, SMOOTHING_MM, SHARES = (4, 2, 1), (4.0, 2.0, 1.0), (1.0, 0.5, 0.1)
"""Of each level, coarse to fine; the last: the share of the fixed image's voxels that the metric looks at."""
STEPS = 300
RELAXATION = 0.9
"""Of the step where the gradient turns: with 0.6 some searches end 2 degrees short of the optimum along its
flattest direction."""
KINDS = ("rigid", "affine")


@dataclass(frozen=True, eq=False)
class Registration:
    """Where one image lies relative to another one.

    Attributes:
        transform: A ``SimpleITK.Transform`` from points of the fixed image to points of the moving one,
            LPS millimetres.
        before: Mutual information with the images where their headers put them; None where they do not
            overlap.
        after: With the transform.
    """

    transform: Any
    before: float | None
    after: float


def register(
    fixed: Image, moving: Image, kind: str = "rigid", seed: int = 0, mask: Image = None
) -> Registration:
    """Find where an image lies relative to another one.

    Args:
        fixed: Float32.
        moving: Float32.
        kind: ``"rigid"`` or ``"affine"``.
        seed: Of the voxels that the metric looks at.
        mask: Where the fixed image counts, on any grid; None: everywhere.

    Returns:
        The transform and the metric before and after.

    Raises:
        UserError: The images do not overlap wherever the search starts, or the search fails.
    """
    with one_thread():
        return _register(isotropic(fixed, SPACING_MM), moving, kind, seed, mask)


@contextmanager
def one_thread() -> Iterator[None]:
    """SimpleITK on one thread: the metric is a sum, and its last digits follow from how many threads
    share it."""
    process = load("SimpleITK").ProcessObject
    before = process.GetGlobalDefaultNumberOfThreads()
    process.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        process.SetGlobalDefaultNumberOfThreads(before)


def _register(fixed: Image, moving: Image, kind: str, seed: int, mask: Image) -> Registration:
    itk = load("SimpleITK")
    method = _method(fixed, mask)
    before = _metric(method, fixed, moving, itk.Euler3DTransform())
    scored = [(_metric(method, fixed, moving, start), start) for start in _starts(fixed, moving)]
    possible = [(score, start) for score, start in scored if score is not None]
    if not possible:
        raise UserError("the images do not overlap: is it the same head?")
    transform = max(possible, key=lambda pair: pair[0])[1]
    for each in ("rigid", "affine")[: KINDS.index(kind) + 1]:
        transform = transform if each == "rigid" else _as_affine(transform)
        transform = _search(method, fixed, moving, transform, seed)
    after = _metric(method, fixed, moving, transform)
    if after is None:
        raise UserError("the registration moved the images apart")
    return Registration(transform, before, after)


def matrix(transform: Any) -> NDArray[np.float64]:
    """A rigid or affine transform as a 4 x 4 matrix on LPS points in millimetres."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(unit)) - origin for unit in np.eye(3).tolist()]
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = np.stack(columns, axis=1), origin
    return result


def turn_degrees(transform: NDArray[np.float64]) -> float:
    """The angle of the rotation in a 4 x 4 matrix, in degrees."""
    left, _, right = np.linalg.svd(transform[:3, :3])
    cosine = (np.trace(left @ right) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def shift_mm(transform: NDArray[np.float64], point: NDArray[np.float64]) -> float:
    """How far a transform moves a point.

    Args:
        transform: 4 x 4.
        point: ``(x, y, z)`` in LPS millimetres.

    Returns:
        Millimetres.
    """
    return float(np.linalg.norm(transform[:3, :3] @ point + transform[:3, 3] - point))


def _method(fixed: Image, mask: Image) -> Any:
    itk = load("SimpleITK")
    method = itk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetInterpolator(itk.sitkLinear)
    # Differences between neighbours: the filters that are the default blur an image by its largest spacing,
    # and with slices of 5 mm the search ends where the blurred gradient turns, up to 2 mm from the maximum.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    if mask is not None:
        method.SetMetricFixedMask(
            itk.Resample(mask, fixed, itk.Transform(), itk.sitkNearestNeighbor, 0, itk.sitkUInt8)
        )
    return method


def _search(method: Any, fixed: Image, moving: Image, start: Any, seed: int) -> Any:
    itk = load("SimpleITK")
    method.SetOptimizerAsRegularStepGradientDescent(
        2.0, 1e-3, STEPS, RELAXATION, gradientMagnitudeTolerance=1e-9
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(SHRINK)
    method.SetSmoothingSigmasPerLevel(SMOOTHING_MM)
    method.SetMetricSamplingPercentagePerLevel(SHARES, seed + 1)  # 0 is the clock
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    try:
        found = method.Execute(fixed, moving)
    except RuntimeError as error:
        raise UserError(f"the registration failed: {str(error).strip().splitlines()[-1]}") from error
    return itk.CompositeTransform(found).GetBackTransform()


def _metric(method: Any, fixed: Image, moving: Image, transform: Any) -> float | None:
    """Mutual information in nats; None without overlap."""
    method.SetInitialTransform(transform, inPlace=False)
    method.SetShrinkFactorsPerLevel([1])
    method.SetSmoothingSigmasPerLevel([0.0])
    method.SetMetricSamplingPercentage(SHARES[-1], 1)
    try:
        return -float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return None


def _starts(fixed: Image, moving: Image) -> Iterator[Any]:
    """As the headers say, centre on centre, and mass on mass."""
    itk = load("SimpleITK")
    middle = [(n - 1) / 2 for n in fixed.GetSize()]
    as_given = itk.Euler3DTransform()
    as_given.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint(middle))
    yield as_given
    initializer = itk.CenteredTransformInitializerFilter
    for how in (initializer.GEOMETRY, initializer.MOMENTS):
        centred = itk.CenteredTransformInitializer(fixed, moving, itk.Euler3DTransform(), how)
        yield itk.Euler3DTransform(centred)


def _as_affine(rigid: Any) -> Any:
    itk = load("SimpleITK")
    rigid = itk.Euler3DTransform(rigid)
    affine = itk.AffineTransform(3)
    affine.SetCenter(rigid.GetCenter())
    affine.SetMatrix(rigid.GetMatrix())
    affine.SetTranslation(rigid.GetTranslation())
    return affine
