"""The DICOM series that a label map belongs to: its files in the order of its slices, and its grid.

Covered by tests/scans/test_dicom_results.py.
"""

# mypy: allow-untyped-calls
# (nibabel is typed in part only)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.scans.attributes import places_of
from brats_seg.scans.images import RAS_TO_LPS
from brats_seg.scans.packages import load
from brats_seg.scans.series import Series


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """A series as results refer to it.

    Attributes:
        headers: ``pydicom.Dataset`` without pixels: one per slice in the order of the slices, or one
            enhanced file.
        order: Which slice of the grid each frame of the series is.
        geometry: The grid; the file's axes are columns, rows and slices.
    """

    headers: list[Any]
    order: NDArray[np.intp]
    geometry: nifti.Geometry

    def image_of(self, at: int) -> tuple[Any, int | None]:
        """The header of the file that holds a slice, and the number of its frame, from 1; None where the
        file holds no other."""
        if len(self.headers) > 1:
            return self.headers[at], None
        return self.headers[0], 1 + int(np.flatnonzero(self.order == at)[0])

    def frames(self, label_map: nifti.Volume) -> NDArray[Any]:
        """A label map frame by frame.

        Args:
            label_map: On the grid of the series, in any orientation.

        Returns:
            ``(frame, row, column)``.

        Raises:
            UserError: It lies on another grid.
        """
        if not nifti.same_space(label_map.geometry, self.geometry):
            raise UserError("the label map does not lie on the grid of the series: give the one in native/")
        stack = np.asarray(nifti.to_image(label_map.array, self.geometry).dataobj).transpose(2, 1, 0)
        return np.ascontiguousarray(stack[self.order])


def open_series(series: Series) -> SourceSeries:
    """Read the headers of a series and its grid.

    Args:
        series: Of parallel slices with equal gaps.

    Returns:
        The series, ordered.

    Raises:
        UserError: A file cannot be read again, or tells no spacing.
    """
    pydicom = load("pydicom")
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in series.files]
    places = [place for header in headers for place in places_of(header)]
    if len(places) < 2:
        raise UserError(f"series {series.uid}: expected the positions of its slices, found {len(places)}")
    orientation = np.array(places[0][1])
    normal = np.cross(orientation[:3], orientation[3:])
    positions = np.array([position for position, _ in places])
    along = np.argsort(positions @ normal, kind="stable")
    affine = np.eye(4)
    row_mm, column_mm = _pixel_spacing(headers[0], series.uid)
    affine[:3, 0], affine[:3, 1] = orientation[:3] * column_mm, orientation[3:] * row_mm
    affine[:3, 2] = (positions[along[-1]] - positions[along[0]]) / (len(places) - 1)
    affine[:3, 3] = positions[along[0]]
    shape = (int(headers[0].Columns), int(headers[0].Rows), len(places))
    geometry = nifti.from_image(nib.Nifti1Image(np.zeros(shape, np.uint8), RAS_TO_LPS @ affine)).geometry
    if len(headers) > 1:
        return SourceSeries([headers[at] for at in along], np.arange(len(places)), geometry)
    return SourceSeries(headers, np.argsort(along), geometry)


def _pixel_spacing(header: Any, uid: str) -> tuple[float, float]:
    """Between rows, and between columns."""
    found = header.get("PixelSpacing")
    if found is None:
        for groups in (
            header.get("SharedFunctionalGroupsSequence"),
            header.get("PerFrameFunctionalGroupsSequence"),
        ):
            measures = groups[0].get("PixelMeasuresSequence") if groups else None
            found = found or (measures[0].get("PixelSpacing") if measures else None)
    if found is None or len(found) != 2:
        raise UserError(f"series {uid}: expected PixelSpacing, found none")
    return float(found[0]), float(found[1])
