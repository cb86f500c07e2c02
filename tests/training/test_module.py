"""One step: what spoils it is skipped and counted, what it costs is logged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from pytorch_optimizer import Ranger
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from brats_seg.errors import UserError
from brats_seg.losses import DiceLoss
from brats_seg.models import UNet
from brats_seg.runtime.quiet import quiet_lightning
from brats_seg.runtime.scaler import ScalerWithoutAsking
from brats_seg.terms import Batch
from brats_seg.training import skipped_steps
from brats_seg.training.callbacks import (
    Autotune,
    CaseLosses,
    Resources,
    TwoCheckpoints,
    WholeCheckpointIO,
    usable_checkpoint,
)
from brats_seg.training.callbacks.rows import rows_before
from brats_seg.training.module import SegmentationModule
from brats_seg.training.skipped_steps import PATIENCE, SCALER_PATIENCE

ADAM = partial(torch.optim.Adam, lr=1e-2)
RANGER = partial(Ranger, lr=1e-1, k=2)


def batch(seed: int, *, spoilt: bool = False, samples: int = 1, size: int = 16) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn((samples, 4, size, size, size), generator=generator)
    if spoilt:
        image[0, 0, 0, 0, 0] = float("nan")
    target = (torch.rand((samples, 3, size, size, size), generator=generator) < 0.3).float()
    return Batch(image, target, [f"case{seed}.{k}" for k in range(samples)])


def module(optimizer: Callable[..., torch.optim.Optimizer] = ADAM) -> SegmentationModule:
    torch.manual_seed(0)
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    return SegmentationModule(net, DiceLoss(squared=True, smooth=1.0), optimizer, channels_last=False)


def fit(
    made: SegmentationModule,
    batches: Sequence[Batch],
    epochs: int = 1,
    resume: Path | None = None,
    **options: Any,
) -> pl.Trainer:
    quiet_lightning()
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = pl.Trainer(accelerator="cpu", max_epochs=epochs, **{**quiet, **options})
    trainer.fit(made, DataLoader(batches, batch_size=None), ckpt_path=resume, weights_only=True)  # type: ignore[arg-type]
    return trainer


def state(trainer: pl.Trainer) -> dict[str, Any]:
    return {**trainer.lightning_module.state_dict(), "optimizer": trainer.optimizers[0].state_dict()}


@pytest.mark.parametrize("optimizer", [ADAM, RANGER])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_spoilt_step_is_as_if_it_had_not_been(
    optimizer: Callable[..., torch.optim.Optimizer], precision: str
) -> None:
    one, other = module(optimizer), module(optimizer)
    whole = [batch(1, size=24), batch(3, size=24)]
    skipped = fit(one, [whole[0], batch(2, size=24, spoilt=True), whole[1]], precision=precision)
    plain = fit(other, whole, precision=precision)
    torch.testing.assert_close(state(skipped), state(plain), rtol=0, atol=0)
    assert skipped.callback_metrics["train/skipped_steps"] == 1
    for key in ("train/loss", "train/loss_main", "train/grad_norm"):
        torch.testing.assert_close(skipped.callback_metrics[key], plain.callback_metrics[key])


def test_a_spoilt_part_of_an_accumulated_step_spoils_all_of_it() -> None:
    one, other = module(), module()
    skipped = fit(one, [batch(1), batch(2, spoilt=True), batch(3), batch(4)], accumulate_grad_batches=2)
    plain = fit(other, [batch(3), batch(4)], accumulate_grad_batches=2)
    torch.testing.assert_close(state(skipped), state(plain), rtol=0, atol=0)
    assert skipped.callback_metrics["train/skipped_steps"] == 1


def test_loss_scaling_goes_on_behind_a_spoilt_step() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    one, other = module(), module()
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    skipped = fit(one, [batch(1), batch(2, spoilt=True), batch(3)], plugins=[plugin])
    assert skipped.callback_metrics["train/skipped_steps"] == 1
    assert scaler.get_scale() == 2.0**9
    plain = fit(
        other,
        [batch(1), batch(3)],
        plugins=[MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**10))],
    )
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=1e-2, atol=1e-3)
    assert plain.callback_metrics["train/skipped_steps"] == 0
    moved = [
        not a.equal(b) for a, b in zip(one.state_dict().values(), module().state_dict().values(), strict=True)
    ]
    assert any(moved)


def scaled(scale: float) -> list[Any]:
    return [
        MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale)),
        WholeCheckpointIO(),
    ]


def test_the_loss_scale_goes_on_after_a_restart(tmp_path: Path) -> None:
    options: dict[str, Any] = {"callbacks": [TwoCheckpoints(tmp_path)], "enable_checkpointing": True}
    fit(module(), [batch(1), batch(2, spoilt=True)], plugins=scaled(2.0**10), **options)
    again = fit(
        module(), [batch(1)], epochs=2, resume=usable_checkpoint(tmp_path), plugins=scaled(2.0**16), **options
    )
    assert isinstance(again.precision_plugin, MixedPrecision)
    assert again.precision_plugin.scaler is not None
    assert again.precision_plugin.scaler.get_scale() == 2.0**9


def test_a_gradient_that_no_loss_scale_makes_finite_stops_the_training() -> None:
    made = module()
    before = {key: value.clone() for key, value in made.state_dict().items()}
    made.net.main.weight.register_hook(lambda gradient: gradient * float("nan"))
    short = [batch(1)] * (SCALER_PATIENCE - 1)
    trainer = fit(made, short, plugins=scaled(2.0**16))
    assert trainer.callback_metrics["train/skipped_steps"] == 0
    with pytest.raises(UserError, match=f"{SCALER_PATIENCE} steps in a row"):
        fit(made, [batch(1)], plugins=scaled(2.0**16))
    assert all(value.equal(before[key]) for key, value in made.state_dict().items())


def test_an_infinite_gradient_of_a_finite_loss_is_skipped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = module()
    before = {key: value.clone() for key, value in made.state_dict().items()}
    made.net.main.weight.register_hook(lambda gradient: gradient * float("inf"))
    trainer = fit(made, [batch(1)])
    assert trainer.callback_metrics["train/skipped_steps"] == 1
    assert all(value.equal(before[key]) for key, value in made.state_dict().items())


def test_ten_in_a_row_stop_the_training_and_nine_do_not() -> None:
    nine = [batch(k, spoilt=True) for k in range(PATIENCE - 1)]
    made = module()
    trainer = fit(made, [*nine, batch(99), *nine])
    assert trainer.callback_metrics["train/skipped_steps"] == 2 * (PATIENCE - 1)
    with pytest.raises(UserError, match="10 steps in a row") as caught:
        fit(made, [batch(1, spoilt=True)])  # one more: they are counted across epochs
    assert "\n" not in str(caught.value)


def test_the_count_survives_a_restart() -> None:
    made, other = module(), module()
    fit(made, [batch(1), *(batch(k, spoilt=True) for k in range(4))])
    saved: dict[str, Any] = {}
    made.on_save_checkpoint(saved)
    other.on_load_checkpoint(saved)
    assert other.skipped.in_a_row.tolist() == [4, 4]


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from the device within a step."""
    monkeypatch.setattr(skipped_steps, "can_ask", lambda device: False)


class Questions(TorchDispatchMode):
    """Counts how often a tensor is asked for its number: ``item``, ``bool``, ``float``, ``if``."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)
        return func(*args, **kwargs or {})


def without_asking(scale: float = 2.0**10) -> list[Any]:
    return [MixedPrecision("16-mixed", "cpu", ScalerWithoutAsking("cpu", init_scale=scale))]


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("optimizer", [partial(torch.optim.SGD, lr=1e-2, momentum=0.9), RANGER])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_clip_val": 1.0},
        {"precision": "bf16-mixed"},
        {"accumulate_grad_batches": 2},
        {"plugins": 1},
    ],
    ids=["plain", "clipped", "bf16", "accumulated", "scaled"],
)
def test_no_step_asks_the_device_for_a_number(
    optimizer: Callable[..., torch.optim.Optimizer], options: dict[str, Any]
) -> None:
    found = []
    for steps in (2, 6):
        chosen = {**options, "plugins": without_asking()} if "plugins" in options else options
        with Questions() as questions:
            fit(module(optimizer), [batch(k) for k in range(steps)], **chosen)
        found.append(questions.count)
    assert found[0] == found[1], "what an epoch asks at its end, however many steps it has"


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("optimizer", [ADAM, RANGER])
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_spoilt_step_on_a_gpu_is_undone(
    optimizer: Callable[..., torch.optim.Optimizer], before: int, scaled: bool
) -> None:
    options: list[dict[str, Any]] = [{"plugins": without_asking()} if scaled else {} for _ in range(2)]
    good = [batch(k, size=24) for k in range(before)]
    one, other = module(optimizer), module(optimizer)
    skipped = fit(one, [*good, batch(9, spoilt=True, size=24)], **options[0])
    assert skipped.callback_metrics["train/skipped_steps"] == 1
    assert all(value.isfinite().all() for value in one.state_dict().values())
    moments = skipped.optimizers[0].state.values()
    assert all(each.isfinite().all() for held in moments for each in held.values())
    if not good:
        torch.testing.assert_close(one.state_dict(), module().state_dict(), rtol=0, atol=0)
        return
    plain = fit(other, good, **options[1])
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)
    expected, found = (list(trainer.optimizers[0].state.values()) for trainer in (plain, skipped))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    for key in ("train/loss", "train/loss_main", "train/grad_norm"):
        torch.testing.assert_close(skipped.callback_metrics[key], plain.callback_metrics[key])


@pytest.mark.usefixtures("as_on_a_gpu")
def test_ten_in_a_row_on_a_gpu_stop_it_one_step_later(tmp_path: Path) -> None:
    options: dict[str, Any] = {"callbacks": [TwoCheckpoints(tmp_path)], "enable_checkpointing": True}
    plugins = {"plugins": [WholeCheckpointIO()]}
    made = module()
    spoilt = [batch(k, spoilt=True) for k in range(PATIENCE)]
    fit(made, [batch(99), *spoilt], **options, **plugins)
    with pytest.raises(UserError, match="10 steps in a row") as caught:
        fit(made, [batch(k, spoilt=True) for k in range(2)], **options, **plugins)
    assert "\n" not in str(caught.value)
    checkpoint = usable_checkpoint(tmp_path)
    assert checkpoint is not None
    held = torch.load(checkpoint, weights_only=True)
    assert all(value.isfinite().all() for value in held["state_dict"].values())


@pytest.mark.usefixtures("as_on_a_gpu")
def test_the_scale_halves_where_a_gradient_is_infinite_and_the_step_is_undone() -> None:
    made = module()
    made.net.main.weight.register_hook(lambda gradient: gradient * float("inf"))
    plugins = without_asking(2.0**16)
    trainer = fit(made, [batch(1)] * 3, plugins=plugins)
    assert plugins[0].scaler.get_scale() == 2.0**13
    assert trainer.callback_metrics["train/skipped_steps"] == 0
    torch.testing.assert_close(made.state_dict(), module().state_dict(), rtol=0, atol=0)


def test_clipping_changes_the_step_but_not_the_logged_norm() -> None:
    norms, weights = [], []
    for clip in (None, 1e-3):
        made = module(partial(torch.optim.SGD, lr=1.0))
        norms.append(float(fit(made, [batch(1)], gradient_clip_val=clip).callback_metrics["train/grad_norm"]))
        weights.append(torch.cat([p.flatten() for p in made.parameters()]).detach())
    start = torch.cat([p.flatten() for p in module().parameters()]).detach()
    assert norms[0] == norms[1] == pytest.approx(float((weights[0] - start).norm()), rel=1e-3)
    assert float((weights[1] - start).norm()) == pytest.approx(1e-3, rel=1e-2)


def test_case_losses_are_those_of_each_sample_alone(tmp_path: Path) -> None:
    file = tmp_path / "case_losses.csv"
    given = [batch(1, samples=3), batch(2)]
    made = module(partial(torch.optim.SGD, lr=0.0))
    fit(made, given, epochs=2, callbacks=[CaseLosses(file)])
    rows = rows_before(file, 9)
    assert [(row["epoch"], row["case"]) for row in rows[:4]] == [
        ("0", f"case{i}") for i in ("1.0", "1.1", "1.2", "2.0")
    ]
    with torch.no_grad():
        expected = [
            float(made.dice(made.net(b.image[k : k + 1]).main, b.target[k : k + 1]))
            for b in given
            for k in range(len(b.image))
        ]
    for epoch in (0, 1):
        losses = [float(row["loss"]) for row in rows if int(row["epoch"]) == epoch]
        assert losses == pytest.approx(expected, rel=1e-5)
    fit(made, given, callbacks=[CaseLosses(file)])  # from epoch 0 again: its rows, and no others
    assert len(rows_before(file, 9)) == 4


def test_waiting_for_data_is_told_from_work() -> None:
    import time

    class Slow(torch.utils.data.Dataset[Batch]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Batch:
            if index >= len(self):
                raise IndexError
            time.sleep(0.2)
            return batch(index, samples=2)

    metrics = fit(module(), Slow(), callbacks=[Resources()]).callback_metrics  # type: ignore[arg-type]
    seconds = 6 / float(metrics["resources/patches_per_second"])
    assert seconds > 0.6
    assert 0.6 / seconds <= float(metrics["resources/data_wait_share"]) < 1
    assert 0.05 < float(metrics["resources/peak_rss_gib"]) < 64


@pytest.mark.parametrize(
    "words", ["unable to find an engine", "CUDA error: out of memory", "can't allocate memory"]
)
def test_validation_goes_on_with_windows_and_remembers(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = module()
    forward = made.net.forward
    seen: list[int] = []

    def small_only(image: torch.Tensor, deep: bool = True) -> Any:
        seen.append(image.shape[2])
        if image.shape[2] > 128:
            raise RuntimeError(words)
        return forward(image, deep=deep)

    made.net.forward = small_only  # type: ignore[method-assign]
    long = Batch(torch.randn(1, 4, 136, 8, 8), torch.zeros(1, 3, 136, 8, 8), ["long"])
    for _ in range(2):
        prediction = made.validation_step(long, 0)
        assert prediction.shape == (1, 3, 136, 8, 8)
    made.validation_step(batch(1), 0)
    assert seen == [136, 128, 128, 128, 128, 16], "what was too large is not tried again"
    assert capsys.readouterr().out.count("sliding window") == 1


def test_validation_passes_other_errors_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made = module()

    def broken(image: torch.Tensor, deep: bool = True) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    made.net.forward = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="illegal memory access"):
        made.validation_step(batch(1), 0)


def test_cudnn_searches_for_patches_alone() -> None:
    seen: list[tuple[str, bool]] = []

    class Look(pl.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            seen.append(("train", torch.backends.cudnn.benchmark))

        def on_validation_batch_start(self, *_: Any) -> None:
            seen.append(("validation", torch.backends.cudnn.benchmark))

    quiet_lightning()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=2,
        callbacks=[Autotune(), Look()],
        num_sanity_val_steps=0,
        enable_model_summary=False,
        **quiet,  # type: ignore[arg-type]
    )
    loaders = [DataLoader([batch(k)], batch_size=None) for k in range(2)]  # type: ignore[arg-type]
    trainer.fit(module(), *loaders)
    assert seen == [("train", True), ("validation", False)] * 2
    assert not torch.backends.cudnn.benchmark
