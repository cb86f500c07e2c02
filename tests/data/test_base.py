"""Which cases a data module trains on, and how it serves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from brats_seg.data import BraTSDataModule, store
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


@pytest.mark.parametrize(("device", "workers", "expected"), [("cpu", 4, 0), ("cuda", 4, 4), ("cuda", 99, 8)])
def test_loaders_follow_the_trainer_and_not_the_machine(
    root: Path,
    config: Callable[..., DictConfig],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    workers: int,
    expected: int,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cpu")
    data: BraTSDataModule = build(config(root, root / "runs", f"data.workers={workers}").data)
    data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device(device)))  # type: ignore[assignment]
    options = data._reading((16, 16, 16), 1)
    assert (options["num_workers"], options["pin_memory"]) == (expected, device == "cuda")


@pytest.mark.parametrize(("free_gib", "expected"), [(100, 64), (1, 3), (0.1, 0)])
def test_as_many_processes_prepare_as_memory_has_room_for(
    root: Path,
    config: Callable[..., DictConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free_gib: float,
    expected: int,
) -> None:
    used: list[int] = []

    def ensure(cache: Any, cases: Any, *, workers: int, **_: Any) -> dict[str, Any]:
        used.append(workers)
        return {}

    monkeypatch.setattr(store.Cache, "ensure", ensure)
    monkeypatch.setattr(store, "memory_bytes", lambda: (int(free_gib * 2**30), 2**40))
    cfg = config(root, root / "runs", "data.workers=64", f"data.cache={tmp_path}")
    build(cfg.data).prepare_cases()
    assert used == [expected]


def test_values_that_no_training_can_have(
    config: Callable[..., DictConfig], root: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"data\.tumour_centred=1\.5: a probability lies between 0 and 1"):
        build(config(root, tmp_path, "data.tumour_centred=1.5").data)


def test_cases_without_a_truth_train_nothing(config: Callable[..., DictConfig], tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=2, seed=0, shape=(32, 32, 32))
    for truth in (tmp_path / "cohort").rglob("*_seg.nii.gz"):
        truth.unlink()
    module: BraTSDataModule = build(config(tmp_path, tmp_path, f"data.root={tmp_path / 'cohort'}").data)
    with pytest.raises(UserError, match="expected labelled cases, found 2 without a segmentation"):
        _ = module.cases


def test_a_cache_that_does_not_fit_on_the_disk(
    config: Callable[..., DictConfig], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: BraTSDataModule = build(config(root, tmp_path, f"data.cache={tmp_path / 'new'}").data)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(
        UserError, match=r"the cache needs up to .* GB for 5 cases, .* choose another with data\.cache"
    ):
        module.prepare_cases()
    assert not list((tmp_path / "new").rglob("*.npy"))
