"""What goes to a tracker is what the run folder's own tables say."""

from __future__ import annotations

import csv
import json
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

import brats_seg
from brats_seg.errors import UserError
from brats_seg.runtime import wandb_run
from brats_seg.terms import Batch
from brats_seg.training.callbacks import Overlays
from brats_seg.training.module import SegmentationModule
from brats_seg.training.run import train
from brats_seg.training.trackers.tracker import Tracker, git_commit, make_trackers


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


Config = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def config(config: Config) -> Config:
    def compose(root: Path, runs: Path, *overrides: str) -> DictConfig:
        return config(
            root, runs, "swa.cycles=0", "trainer.check_val_every_n_epoch=1", "name=mine", *overrides
        )

    return compose


def records(path: Path) -> Iterator[Any]:
    """Of an offline run: LevelDB's log format behind a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def whole(path: Path) -> list[Any]:
    """The records once the last one is there: a service of W&B writes them."""
    deadline = time.monotonic() + 30
    while not (found := list(records(path))) or found[-1].WhichOneof("record_type") != "exit":
        assert time.monotonic() < deadline, f"{path} does not end"
        time.sleep(0.1)
    return found


def history(found: list[Any]) -> dict[int, dict[str, float]]:
    """Epoch to every metric."""
    epochs: dict[int, dict[str, float]] = {}
    for record in found:
        if record.WhichOneof("record_type") == "history":
            row = {
                "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                for item in record.history.item
            }
            if "epoch" in row:
                epochs.setdefault(row["epoch"], {}).update(row)
    return epochs


@pytest.mark.parametrize(
    ("override", "names"),
    [([], []), (["logger=wandb"], ["wandb"]), (["logger=[csv,wandb,tensorboard]"], ["wandb", "tensorboard"])],
)
def test_one_logger_or_several(
    config: Config, root: Path, tmp_path: Path, override: list[str], names: list[str]
) -> None:
    assert list(config(root, tmp_path, *override).logger) == names


@pytest.mark.parametrize("name", ["wandb", "tensorboard"])
def test_a_missing_package_is_one_line(
    config: Config, root: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lightning_fabric.loggers.tensorboard as tensorboard
    import pytorch_lightning.loggers.wandb as wandb

    monkeypatch.setattr(wandb, "_WANDB_AVAILABLE", False)
    monkeypatch.setattr(tensorboard, "_TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr(tensorboard, "_TENSORBOARDX_AVAILABLE", False)
    with (
        pytest.raises(UserError, match=f"pip install {name}"),
        make_trackers(config(root, tmp_path, f"logger={name}"), tmp_path),
    ):
        pass


def test_the_commit_is_that_of_this_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "checkout" / "brats_seg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(brats_seg, "__file__", str(package / "__init__.py"))

    def git(*words: str) -> str:
        who = ["-c", "user.name=x", "-c", "user.email=x@y"]
        done = subprocess.run(["git", *who, *words], cwd=package, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert git_commit() is None
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    git("tag", "v1", "-am", "v1")
    assert git_commit() == git("rev-parse", "HEAD")
    (package / "__init__.py").write_text("changed = True")
    assert git_commit() == git("rev-parse", "HEAD") + "-dirty"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() is None


@pytest.mark.parametrize(("every", "epochs"), [(0, []), (1, [0, 1, 2, 3]), (3, [0, 3])])
def test_pictures_every_so_many_epochs_or_never(
    every: int, epochs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Recorder(Tracker):
        def log_figure(self, key: str, figure: Any, step: int) -> None:
            drawn.append(step)

    drawn: list[int] = []
    monkeypatch.setattr("brats_seg.training.callbacks.overlays.draw_case", lambda *arguments: None)
    callback = Overlays(every_epochs=every, cases=1)
    case = Batch(torch.zeros(1, 4, 2, 2, 2), torch.zeros(1, 3, 2, 2, 2), ["a"])
    for epoch in range(4):
        trainer: Any = SimpleNamespace(
            loggers=[Recorder()],
            current_epoch=epoch,
            check_val_every_n_epoch=1,
            is_global_zero=True,
            global_step=epoch,
        )
        callback.on_validation_batch_end(trainer, None, case.target, case, 0)  # type: ignore[arg-type]
    assert drawn == epochs


@pytest.mark.slow
def test_the_offline_record_is_the_table(
    config: Config,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cfg = config(
        root,
        tmp_path,
        "logger=[wandb,tensorboard]",
        "logger.wandb.bundle_artifact=true",
        "overlays.every_epochs=2",
    )
    step = SegmentationModule.training_step

    def fails(self: SegmentationModule, batch: Any, index: int) -> dict[str, torch.Tensor]:
        if self.current_epoch == 1:
            raise RuntimeError("power")
        return step(self, batch, index)

    monkeypatch.setattr(SegmentationModule, "training_step", fails)
    with pytest.raises(RuntimeError, match="power"):
        train(cfg)
    monkeypatch.setattr(SegmentationModule, "training_step", step)
    folder = train(cfg).folder.path

    said = capfd.readouterr()
    starts = sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"))
    lines = [line for line in (said.out + said.err).splitlines() if "wandb" in line.lower()]
    assert lines == [f"wandb: recorded offline, to send it: wandb sync {start.parent}" for start in starts]
    assert len(starts) == 2
    found = [record for start in starts for record in whole(start)]
    runs = [record.run for record in found if record.WhichOneof("record_type") == "run"]
    identity = (folder / "wandb_id.txt").read_text().strip()
    assert {(r.run_id, r.run_group, r.display_name, r.job_type) for r in runs} == {
        (identity, "mine", "mine/fold_0", "train")
    }
    told = {
        i.key: json.loads(i.value_json)
        for r in found
        if r.WhichOneof("record_type") == "config"
        for i in r.config.update
    }
    assert told["model"]["width"] == 2
    assert len(told["split"]["train"]) == 4
    assert told["git_commit"] == git_commit()

    with (folder / "metrics.csv").open(newline="") as file:
        table = {int(row["epoch"]): row for row in csv.DictReader(file)}
    logged = history(found)
    assert set(logged) == set(table) == {0, 1, 2}
    wanted = {
        "lr",
        "train/grad_norm",
        "train/skipped_steps",
        "train/loss",
        "train/loss_main",
        "train/loss_deep_3",
    }
    wanted |= {"val/loss", "val/dice_ET", "val/dice_TC", "val/dice_WT", "resources/patches_per_second"}
    wanted |= {"resources/data_wait_share", "resources/peak_rss_gib"}
    for epoch, row in table.items():
        metrics = {key: float(value) for key, value in row.items() if key not in ("epoch", "step", "seconds")}
        assert wanted <= set(metrics)
        assert {key: logged[epoch][key] for key in metrics} == pytest.approx(metrics, rel=1e-5, abs=1e-12)

    metrics = [record.metric for record in found if record.WhichOneof("record_type") == "metric"]
    assert [each.step_metric for each in metrics if each.glob_name == "*"][-1] == "epoch"

    pictures = list((folder / "wandb").glob("offline-run-*/files/media/images/overlay/*.png"))
    assert len(pictures) == 2  # of the one validation case, at the validations of epochs 0 and 2
    assert [r.artifact.type for r in found if r.WhichOneof("record_type") == "artifact"] == ["model"]
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_tensorboard_has_the_table_and_the_pictures(config: Config, root: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = train(config(root, tmp_path, "logger=tensorboard", "overlays.every_epochs=2")).folder.path
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    with (folder / "metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    for key in ("train/loss", "val/dice_WT", "lr"):
        assert [e.value for e in events.Scalars(key)] == pytest.approx(
            [float(row[key]) for row in table], rel=1e-5
        )
    (pictures,) = events.Tags()["images"]
    assert len(events.Images(pictures)) == 2


@pytest.mark.slow
def test_a_server_out_of_reach_stops_nothing(
    config: Config,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(wandb_run, "INIT_SECONDS", 2)
    folder = train(config(root, tmp_path, "logger=wandb")).folder.path
    assert list((folder / "wandb").glob("offline-run-*/run-*.wandb"))
    lines = [line for line in capfd.readouterr().err.splitlines() if "wandb" in line]
    assert len(lines) == 1
    assert "recording offline" in lines[0]


@pytest.mark.slow
def test_the_run_itself_has_the_scores_out_of_fold(config: Config, root: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from brats_seg.cross_validation.experiments import read_experiments
    from brats_seg.workflows import train_and_predict

    train_and_predict(config(root, tmp_path, "logger=[wandb,tensorboard]"))
    folder = tmp_path / "mine" / "fold_0"
    (start,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    told: dict[str, Any] = {}
    for record in whole(start):
        if record.WhichOneof("record_type") == "summary":
            told |= {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.summary.update}
    (experiment,) = read_experiments([tmp_path / "mine"])
    scores = [row.value for row in experiment.rows if (row.metric, row.region) == ("dice", "WT")]
    mean = sum(scores) / len(scores)
    assert told["out_of_fold/dice_WT"] == pytest.approx(mean, abs=1e-6)
    media = [path.name for path in (start.parent / "files" / "media").rglob("*.table.json")]
    assert any(name.startswith("out_of_fold") for name in media)

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    assert events.Scalars("out_of_fold/dice_WT")[-1].value == pytest.approx(mean, abs=1e-6)
    hyperparameters = b"".join(path.read_bytes() for path in (folder / "tensorboard").glob("events.*"))
    assert b"_hparams_/session_start_info" in hyperparameters and b"optimizer.lr" in hyperparameters
    assert b"checkpoint_minutes" not in hyperparameters, "scores do not depend on it"
    assert "custom_scalars__config__" in events.Tags()["tensors"]
