"""Keys that do not go together are one line, before anything is read or written; the rate is optimizer.lr."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from brats_seg.errors import UserError, WrongValue
from brats_seg.schedules import cosine_decay
from brats_seg.training import train
from brats_seg.training.refusals import refuse_impossible

Config = Callable[..., DictConfig]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ("experiment=pipeline_a", "data=pipeline_b"),
            "data are of pipeline b, .* of pipeline a",
        ),
        (
            ("trainer.max_epochs=3",),
            r"trainer\.max_epochs follows .* schedule\.cosine_epochs",
        ),
        (("schedule.base_rate=1",), r"schedule\.base_rate follows from optimizer\.lr: use optimizer\.lr=1"),
        (("swa.base_rate=1",), r"swa\.base_rate follows from swa\.optimizer\.lr: use swa\.optimizer\.lr=1"),
        (("experiment=pipeline_b", "ema.decay=0.9"), r"ema\.decay=0\.9 .* use keep=last swa\.cycles=0"),
        (("ema.decay=1", "swa.cycles=0"), r"ema\.decay=1: .* below 1"),
        (("keep=first",), "keep=first: use last or best"),
        (
            ("experiment=pipeline_b", "schedule.constant_epochs=1", "trainer.check_val_every_n_epoch=4"),
            r"keep=best .* trainer\.check_val_every_n_epoch=4 never .* 3 epochs of schedule\.constant",
        ),
        (
            ("+callbacks.mine={_target_: torch.nn.Identity}",),
            r"mine: torch\.nn\.Identity is no callback",
        ),
        (
            ("+callbacks.mine={_target_: no_package.Diary}",),
            r"mine: there is no no_package\.Diary",
        ),
        (("schedule._target_=brats_seg.NoSchedule",), r"schedule: there is no brats_seg\.NoSchedule"),
        (("logger=wandb", "logger.wandb._target_=no.Tracker"), r"logger\.wandb: there is no no\.Tracker"),
        (
            ("+callbacks.mine=3",),
            r"callbacks\.mine: expected '.*_target_: my_package\.MyCallback.*', found 3",
        ),
        (("optimizer._partial_=false",), r"optimizer: needs _partial_: true"),
        (("optimizer.lr=-1",), r"optimizer: learning rate must be positive"),
        (("data.root=???",), r"missing data\.root=\.\.\."),
        (("model._target_=brats_seg.losses.DiceLoss",), r"model: missing a required argument: 'squared'"),
        (("loss._target_=torch.nn.Identity",), r"loss: torch\.nn\.Identity does not take logits and target"),
        (("loss._target_=brats_seg.losses.NoLoss",), r"loss: there is no brats_seg\.losses\.NoLoss"),
        (("experiment=pipeline_a_filtered",), r"needs data\.exclude=FILE"),
    ],
)
def test_one_line(config: Config, root: Path, tmp_path: Path, overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        refuse_impossible(config(root, tmp_path, *overrides))
    assert "\n" not in str(caught.value)


def test_the_rate_of_the_optimizer_is_the_rate_of_the_schedule(
    config: Config, root: Path, tmp_path: Path
) -> None:
    overrides = ("experiment=pipeline_b", "optimizer.lr=3e-3", "keep=last")
    folder = train(config(root, tmp_path, *overrides)).folder
    rates = [rate for _, rate in folder.read_metrics()["lr"]]
    assert rates == pytest.approx([cosine_decay(epoch, 3e-3, 1, 2) for epoch in range(3)], rel=1e-4)


def test_no_case_to_train_on(config: Config, root: Path, tmp_path: Path) -> None:
    ids = sorted(path.name for path in (root / "cohort").iterdir() if path.is_dir())
    listed = tmp_path / "all.json"
    listed.write_text(str(ids).replace("'", '"'))
    everything = config(root, tmp_path, "experiment=pipeline_a_filtered", f"data.exclude={listed}")
    with pytest.raises(UserError, match="leaves no case to train on"):
        train(everything)
    listed.write_text('["NOPE"]')
    with pytest.raises(UserError, match=r"all\.json: expected ids of cases in .*, found also NOPE"):
        train(everything)


def test_a_wrong_value_is_the_mistake_of_the_command_line(config: Config, root: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongValue):
        refuse_impossible(config(root, tmp_path, "keep=first"))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("torch.nn.MSELoss", "expected one number, found a tensor of \\(2, 3, 8, 8, 8\\)"),
        ("torch.nn.Softmax", "does not take logits and target"),
        ("builtins.int", "makes nothing that takes logits and target"),
    ],
)
def test_a_loss_is_tried_before_the_cases_are_prepared(
    config: Config, root: Path, tmp_path: Path, target: str, said: str
) -> None:
    asked = config(root, tmp_path)
    asked.loss = {"_target_": target, "reduction": "none"} if "MSE" in target else {"_target_": target}
    with pytest.raises(WrongValue, match=f"loss: {target}.* {said}"):
        refuse_impossible(asked)
