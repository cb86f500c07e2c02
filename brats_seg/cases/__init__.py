"""Cases: find them on disk under every naming, read them, and say exactly what is wrong with them."""

from brats_seg.cases.brain import brain_voxels
from brats_seg.cases.case import Case, Finding, LoadedCase, ModalityFile
from brats_seg.cases.check import check_headers, inspect_case, inspect_cohort
from brats_seg.cases.cohort import Scan
from brats_seg.cases.duplicates import same_images
from brats_seg.cases.find import clear_cases, find_cases, scan
from brats_seg.cases.from_files import case_from_files
from brats_seg.cases.read import OnMissing, load_case, read_case, read_volumes

__all__ = [
    "Case",
    "Finding",
    "LoadedCase",
    "ModalityFile",
    "OnMissing",
    "Scan",
    "brain_voxels",
    "case_from_files",
    "check_headers",
    "clear_cases",
    "find_cases",
    "inspect_case",
    "inspect_cohort",
    "load_case",
    "read_case",
    "read_volumes",
    "same_images",
    "scan",
]
