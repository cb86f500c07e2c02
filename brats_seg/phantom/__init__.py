"""A synthetic cohort in BraTS 2020 layout, for newcomers, tests and the demo; without any patient's data."""

from brats_seg.phantom.cohort import is_synthetic, make_case, write_cohort, write_raw_cohort

__all__ = ["is_synthetic", "make_case", "write_cohort", "write_raw_cohort"]
