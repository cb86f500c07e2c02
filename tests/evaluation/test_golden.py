"""Against the numbers of the challenges' own programs: `golden.json`, made by `golden.py`."""

from __future__ import annotations

import json

import pytest

from brats_seg.evaluation.conventions import CONVENTIONS
from brats_seg.labels import label_values, region_masks
from tests.evaluation.golden import FILE, paint

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


EVERY = [(name, case) for name in sorted(set(GOLDEN) - {"cases"}) for case in GOLDEN[name]]


@pytest.mark.parametrize(("name", "case"), EVERY)
def test_the_program_says_the_same(name: str, case: str) -> None:
    pieces, labels = GOLDEN["cases"][case], label_values("brats2024")
    convention = CONVENTIONS[name]
    masks = []
    for which in ("prediction", "truth"):
        masks.append(region_masks(paint(pieces[which]), labels, convention.regions_in(labels)))
    found = convention.score(*masks, tuple(map(float, pieces["spacing_mm"])), masks[1]["WT"].size)
    theirs = GOLDEN[name][case]
    assert set(theirs) == set(found)
    for region, values in theirs.items():
        ours = {metric: found[region][metric] for metric in values}
        assert ours == pytest.approx(values, abs=1e-6), region
