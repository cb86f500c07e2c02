"""Every command with each of its input files replaced by something else: one line, no traceback, no hang."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.forked import Done, import_everything, run

GOOD, BAD = "BraTS20_Training_001", "BraTS20_Training_002"
T1 = f"cohort/{BAD}/{BAD}_t1.nii.gz"
FOLD = "runs/run/fold_0"
BUNDLE = f"{FOLD}/bundle"
TRAIN = (
    *("train", "scale=smoke", "model.width=2", "data.patch=[16,16,16]", "data.folds=2", "data.workers=0"),
    *("schedule.constant_epochs=1", "schedule.cosine_epochs=0", "swa.cycles=1", "swa.cycle_epochs=1"),
    *("swa.snapshot_every=1", "trainer.accelerator=cpu", "trainer.precision=32-true", "data.cache=cache"),
    *("data.root=cohort", "runs_root=runs", "name=run", "fold=0", "out_of_fold.tta=none"),
)
PREDICT = ("predict", "tta=none", "accelerator=cpu", "input=cohort", "output=predicted")
OF_BUNDLE = (*PREDICT, f"bundles.a=[{BUNDLE}]")
INPUTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("check", "data.root=cohort", "workers=1"): (T1, f"cohort/{BAD}/{BAD}_seg.nii.gz"),
    ("prepare", "scale=smoke", "data.folds=2", "data.workers=0", "data.root=cohort", "data.cache=cache"): (
        T1,
        f"CACHE/{BAD}/case.json",
        f"CACHE/{BAD}/image.npy",
    ),
    TRAIN: (
        *(f"{FOLD}/{name}" for name in ("config.yaml", "status.json", "metrics.csv", "case_losses.csv")),
        *(f"{FOLD}/{name}" for name in ("data.json", "out_of_fold.json", "checkpoints/last.ckpt")),
        f"{FOLD}/snapshots/epoch_0001.safetensors",
        f"{BUNDLE}/bundle.json",
        f"{BUNDLE}/model.safetensors",
        "FOLDS",
    ),
    (*TRAIN, "name=other", "data.split=split.json", "out_of_fold.predict=false"): ("split.json",),
    (*TRAIN, "name=other", "data.exclude=excluded.json", "out_of_fold.predict=false"): ("excluded.json",),
    (*TRAIN, "name=other", f"init={BUNDLE}", "out_of_fold.predict=false"): (f"{BUNDLE}/model.safetensors",),
    ("average", f"snapshots=[{FOLD}/snapshots]", "output=mean"): (
        f"{FOLD}/snapshots/epoch_0001.safetensors",
    ),
    ("flag-cases", "runs=[runs/run]", "output=flagged.json"): (f"{FOLD}/case_losses.csv",),
    ("cv-summary", "runs=[runs/run]", "output=summary"): (
        *(f"{FOLD}/{name}" for name in ("config.yaml", "status.json", "out_of_fold.json")),
        f"{FOLD}/evaluation/per_case.csv",
        f"{BUNDLE}/bundle.json",
    ),
    OF_BUNDLE: (
        *(T1, f"{BUNDLE}/bundle.json", f"{BUNDLE}/model.safetensors"),
        *(f"predicted/{BAD}.json", f"predicted/{BAD}.nii.gz"),
    ),
    (*PREDICT, "ensemble=ensemble.yaml"): ("ensemble.yaml",),
    ("merge", "a=predicted", "b=predicted_b", "output=merged"): (
        *(f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", f"predicted_b/{BAD}.nii.gz"),
    ),
    ("evaluate", "predictions=predicted", "references=cohort", "output=scores", "workers=1"): (
        *(f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", f"cohort/{BAD}/{BAD}_seg.nii.gz"),
    ),
    (
        *("report", "predictions=predicted", "references=cohort", "evaluation=scores", "output=report"),
        *(f"runs=[{FOLD}]", "workers=1", "viewer=false"),
    ): (
        *(f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", T1),
        *("scores/per_case.csv", "scores/evaluation.json", f"{FOLD}/metrics.csv"),
    ),
    ("bundle", f"path={BUNDLE}", "action=verify"): (f"{BUNDLE}/bundle.json", f"{BUNDLE}/model.safetensors"),
    ("export", f"bundle={BUNDLE}", "output=net.pt2", "parity_shape=[16,16,16]"): (
        f"{BUNDLE}/model.safetensors",
    ),
    ("phantom", "output=cohort", "cases=2", "shape=[32,40,32]", "workers=1"): ("cohort/phantom.json",),
}


def unreadable(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0)


KINDS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "0 bytes": lambda path: path.write_bytes(b""),
    "300 000 brackets": lambda path: path.write_text("[" * 300_000),
    "random bytes": lambda path: path.write_bytes(random.Random(0).randbytes(10_000)),
    "unreadable": unreadable,
}


def succeed(folder: Path, *arguments: str) -> None:
    done = run(folder, arguments)
    assert done.code == 0, done.said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the commands read."""
    import_everything()
    folder = tmp_path_factory.mktemp("whole")
    succeed(folder, "phantom", "output=cohort", "cases=3", "shape=[32,40,32]", "workers=1")
    succeed(folder, *TRAIN)
    succeed(folder, *OF_BUNDLE)
    shutil.copytree(folder / "predicted", folder / "predicted_b")
    succeed(folder, "evaluate", "predictions=predicted", "references=cohort", "output=scores", "workers=1")
    ids = [f"BraTS20_Training_{number:03d}" for number in (1, 2, 3)]
    (folder / "split.json").write_text(f'{{"train": ["{ids[0]}", "{ids[1]}"], "validation": ["{ids[2]}"]}}')
    (folder / "excluded.json").write_text(f'["{ids[1]}"]')
    (folder / "ensemble.yaml").write_text("schema: 1\na: []\nb: []\n")
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy, so that one trial leaves nothing to the next."""
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def placed(folder: Path, name: str) -> Path:
    """Names of the cache hold a hash of where the cases lie."""
    (folds,) = (folder / "cache").glob("*/folds.json")
    if name == "FOLDS":
        return folds
    if name.startswith("CACHE/"):
        return next(folds.parent.glob("min_max-*")) / name.removeprefix("CACHE/")
    return folder / name


TRIALS = [(command, name) for command, names in INPUTS.items() for name in names]
NAMES = [f"{command[0]}-{name.rpartition('/')[2]}" for command, name in TRIALS]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("command", "name"), TRIALS, ids=NAMES)
def test_one_line(copy: Path, command: tuple[str, ...], name: str, kind: str) -> None:
    if command[0] == "train" and "name=other" not in command:  # as one that was cut off
        (copy / FOLD / "status.json").write_text('{"state": "running"}')
        shutil.rmtree(copy / BUNDLE) if "bundle" not in name else None
        (copy / FOLD / "out_of_fold.json").unlink()
    if command == OF_BUNDLE and "predicted" not in name:
        shutil.rmtree(copy / "predicted")
    path = placed(copy, name)
    if path.exists():
        path.unlink()
    KINDS[kind](path)
    done = run(copy, command)
    told(done, command[0])
    if command == OF_BUNDLE and name == T1:
        assert done.code == 1
        assert (copy / "predicted" / f"{GOOD}.nii.gz").exists()


def told(done: Done, command: str) -> None:
    """What went wrong is one line for each thing, and nothing that only a programmer reads."""
    assert done.code in (0, 1, 2), f"exit {done.code}\n{done.said}"
    assert "Traceback" not in done.said
    assert "Warning" not in done.said, done.said
    said = [line for line in done.said.splitlines() if line.startswith(f"brats-seg {command}: error: ")]
    if command == "check":
        return  # its table says it
    assert bool(said) == (done.code != 0), done.said
    assert len(said) <= 2, done.said
