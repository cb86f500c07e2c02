"""Cases on disk: what they are, where they lie, whether they can be used."""

from brats_seg.cases.case import Case, LoadedCase, ModalityFile
from brats_seg.cases.check import Finding, check_headers, inspect_case
from brats_seg.cases.find import case_from_files, find_cases, lone_segmentations
from brats_seg.cases.read import read_case

__all__ = [
    "Case",
    "Finding",
    "LoadedCase",
    "ModalityFile",
    "case_from_files",
    "check_headers",
    "find_cases",
    "inspect_case",
    "lone_segmentations",
    "read_case",
]
