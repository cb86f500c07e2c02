"""What is worth a line of the cases that a training uses. Covered by tests/data/test_remarks.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from brats_seg.cases import same_images
from brats_seg.preprocessing import CachedCase


def remarks(cases: Iterable[CachedCase]) -> list[str]:
    """One line for each kind of note, and one for images that several cases share.

    Args:
        cases: As prepared.

    Returns:
        Lines, none where there is nothing to say.
    """
    cases = list(cases)
    by_kind: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        for note in case.notes:
            by_kind[note.partition(", found ")[0]].append(f"case {case.id}: {note}")
    lines = []
    for same_kind in by_kind.values():
        more = f" (and {len(same_kind) - 1} more such notes: brats-seg check)" if len(same_kind) > 1 else ""
        lines.append(f"{same_kind[0]}{more}")
    shared = same_images({case.id: case.fingerprints for case in cases})
    if shared:
        case_id, owners = next(iter(shared.items()))
        example = f"{case_id} has those of {next(iter(owners))}"
        lines.append(
            f"{len(shared)} of {len(cases)} cases have images of another case ({example}): one patient may "
            "train and validate; brats-seg check names them, data.exclude=FILE leaves them out"
        )
    return lines
