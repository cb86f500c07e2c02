"""The files that one page of a report is made of. Covered by tests/report/test_sources.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from brats_seg.cases import Case
from brats_seg.evaluation.pairs import Pair


@dataclass(frozen=True)
class CaseFiles:
    """One case.

    Attributes:
        case: Images, and the truth where there is one.
        pair: Label maps.
        sha256: Modality to the hash of its file when it was segmented; empty where that is not known.
        notes: What is worth knowing of these files, a line each.
    """

    case: Case
    pair: Pair
    sha256: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def changed(self, found: Mapping[str, str]) -> Iterator[str]:
        """A line for each image that is not the one that was segmented.

        Args:
            found: Modality to the hash of its file now.

        Yields:
            The lines.
        """
        for name, sha256 in found.items():
            if self.sha256.get(name, sha256) != sha256:
                path = self.case.modalities[name].path
                yield f"{name}: {path} has been changed since it was segmented"
