"""A synthetic cohort in BraTS 2020 layout: for newcomers, tests and the demo. No real patient's data is in it."""

from brats_seg.phantom.cohort import make_case, write_cohort

__all__ = ["make_case", "write_cohort"]
