"""Which cases a data module trains on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brats_seg.data import BraTSDataModule
from brats_seg.errors import UserError
from brats_seg.phantom import write_cohort
from brats_seg.training.config import build, load_config


def test_all_cases_train_though_they_are_too_few_for_folds(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=2, seed=0, shape=(32, 32, 32))
    flagged = tmp_path / "flagged.json"

    def module(*overrides: str) -> BraTSDataModule:
        made: BraTSDataModule = build(load_config([f"data.root={tmp_path / 'cohort'}", *overrides]).data)
        return made

    places = [f"data.cache={tmp_path / 'cache'}", "fold=all"]
    ids = tuple(case.id for case in module(*places).cases)
    assert (module(*places).split.train, module(*places).split.validation) == (ids, ())
    flagged.write_text(json.dumps(ids[:1]))
    assert module(*places, f"data.exclude={flagged}").split.train == ids[1:]
    with pytest.raises(UserError, match="use fold=all"):
        _ = module(places[0], "fold=0").split
