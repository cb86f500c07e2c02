"""Killed, ended and interrupted again and again, a training ends with the same weights."""

from __future__ import annotations

import csv
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from brats_seg.phantom import write_cohort
from tests.cli import forked
from tests.cli.forked import import_everything, run

BASE, CYCLES, LENGTH = 8, 2, 10
EPOCHS = BASE + CYCLES * LENGTH
PROGRESS = re.compile(r"epoch (\d+)/")


def command(root: Path, runs: str, *more: str) -> list[str]:
    science = [
        "scale=smoke",
        "model.width=2",
        "data.patch=[24,24,24]",
        "trainer.precision=32-true",
        "model.dropout=0.1",
    ]
    schedule = [
        f"schedule.constant_epochs={BASE // 2}",
        f"schedule.cosine_epochs={BASE // 2}",
        f"swa.cycles={CYCLES}",
    ]
    cycles = [f"swa.cycle_epochs={LENGTH}", "swa.snapshot_every=2"]
    places = [
        f"data.root={root / 'cohort'}",
        f"data.cache={root / 'cache'}",
        f"runs_root={root / runs}",
        "name=run",
    ]
    return ["train", *science, *schedule, *cycles, *places, "trainer.accelerator=cpu", *more]


def start(root: Path, runs: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("brats-seg")), *command(root, runs, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's job in the background ignores the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_epoch(said: Iterable[str], epoch: int) -> list[str]:
    """What is printed until that epoch is done, or until the end."""
    told: list[str] = []
    for line in said:
        told.append(line)
        if (match := PROGRESS.match(line)) and int(match[1]) > epoch:
            break
    return told


def outcome(folder: Path) -> dict[str, bytes]:
    """Weights, snapshots and losses."""
    files = [
        folder / "bundle" / "model.safetensors",
        folder / "case_losses.csv",
        *(folder / "snapshots").glob("*"),
    ]
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [(row["epoch"], row["lr"], row["train/loss"], row["val/loss"]) for row in csv.DictReader(file)]
    return {**{path.name: path.read_bytes() for path in files}, "rows": repr(rows).encode()}


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    import_everything()
    whole = run(tmp_path, command(tmp_path, "whole"))
    assert whole.code == 0, whole.said
    began = time.time_ns()
    chance = random.Random(began)
    base, cyclic = chance.sample(range(BASE), 4), chance.sample(range(BASE, EPOCHS - 1), 5)
    for epoch in sorted([*base, *cyclic]):
        # A file about every third epoch: it continues from an older one as from the last.
        with forked.start(tmp_path, command(tmp_path, "killed", "checkpoint_minutes=0.01")) as process:
            told = wait_for_epoch(process.lines(), epoch)
            # Into the checkpoint, or into the next epoch; near the end, of quick epochs, not beyond it.
            time.sleep(chance.uniform(0, 0.4 if epoch < EPOCHS - 5 else 0.05))
            process.kill()
        assert process.end().code == -signal.SIGKILL, (
            f"seed {began}, epoch {epoch}: it ended before\n{''.join(told)}"
        )
    last = run(tmp_path, command(tmp_path, "killed"))
    assert last.code == 0, last.said
    expected, found = (outcome(tmp_path / runs / "run" / "fold_0") for runs in ("whole", "killed"))
    assert len(expected) == 3 + CYCLES * LENGTH // 2
    assert expected.keys() == found.keys()
    assert [name for name, data in expected.items() if found[name] != data] == [], f"seed {began}"
    assert not list((tmp_path / "killed").rglob(".tmp-*"))


@pytest.mark.slow
def test_ended_or_interrupted_it_says_so_and_continues(tmp_path: Path) -> None:
    write_cohort(tmp_path / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    short = ["swa.cycles=0", "out_of_fold.predict=false"]
    interrupted = "brats-seg train: error: interrupted; the same command goes on from here"
    for number, code, message in ((signal.SIGTERM, -signal.SIGTERM, ""), (signal.SIGINT, 130, interrupted)):
        process = start(tmp_path, "runs", *short)
        assert process.stdout is not None
        told = wait_for_epoch(process.stdout, 1)  # the first one's checkpoint is written
        process.send_signal(number)
        said = "".join(told) + process.communicate()[0]
        assert (process.returncode, said.count("Traceback")) == (code, 0), said
        assert message in said
    last = start(tmp_path, "runs", *short)
    said, _ = last.communicate()
    assert last.returncode == 0, said
    assert re.search(r"^goes on after epoch \d+ of ", said, re.MULTILINE), said
    assert "epoch 1/" not in said
