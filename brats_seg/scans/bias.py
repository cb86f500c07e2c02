"""The bias field of the coil, and images without it. Covered by tests/scans/test_align.py."""

from __future__ import annotations

from brats_seg.scans.images import Image, isotropic
from brats_seg.scans.packages import load
from brats_seg.scans.register import one_thread

N4_SPACING_MM = 4.0


def without_bias(image: Image) -> Image:
    """An image without its smooth bias field, by N4 (Tustison et al. 2010) on a coarse copy."""
    itk = load("SimpleITK")
    small = isotropic(image, N4_SPACING_MM)
    small = itk.Maximum(small, 1e-3)
    method = itk.N4BiasFieldCorrectionImageFilter()
    method.SetMaximumNumberOfIterations([50, 50, 30])
    with one_thread():
        method.Execute(small, itk.OtsuThreshold(small, 0, 1))
    return image / itk.Exp(method.GetLogBiasFieldAsImage(image))
