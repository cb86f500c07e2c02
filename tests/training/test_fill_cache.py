"""Long work says what it will take before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from brats_seg.phantom import write_cohort
from brats_seg.preprocessing.cache import disk_estimate_bytes
from brats_seg.training.config import build, load_config
from brats_seg.training.fill_cache import _Clock, prepare_with_progress

SHAPE = (32, 40, 32)


def test_the_estimate_comes_first_and_only_where_there_is_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cohort(tmp_path / "cohort", cases=2, seed=0, shape=SHAPE)
    places = [
        f"data.root={tmp_path / 'cohort'}",
        f"data.cache={tmp_path / 'cache'}",
        "data.workers=0",
        "data.folds=2",
    ]
    data = build(load_config(places).data)
    announced = []

    def announce(cases: int, size: int, home: Path) -> None:
        assert not list(data.home.rglob("*.npy"))
        announced.append((cases, size))

    data.prepare_cases(announce=announce)
    assert announced == [(2, disk_estimate_bytes(2, SHAPE))]
    assert prepare_with_progress(build(load_config(places).data)) == 2
    assert capsys.readouterr().out == ""
    other = build(load_config([*places, "data.upper_percentile=98"]).data)
    assert prepare_with_progress(other) == 2
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("2 cases to prepare, up to 0.1 GB in ")
    assert second.startswith("about 0:00:")


def test_the_estimate_leaves_out_what_starting_the_processes_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("brats_seg.training.fill_cache.time.perf_counter", lambda: now[0])
    clock = _Clock(workers=2)
    clock.start()
    said = []
    for done in range(1, 21):
        now[0] = 30 + done  # half a minute until the first, then one a second
        said.append(clock.estimate(done, 20))
    assert [line for line in said if line] == ["about 0:00:14 for the other 14"]
