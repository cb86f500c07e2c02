"""The running mean is the mean: of a list of stacked volumes, made the long way."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from brats_seg import nifti
from brats_seg.cases import Case, LoadedCase
from brats_seg.errors import UserError
from brats_seg.inference import ensemble
from brats_seg.inference.batches import batches, views_at_once, views_within
from brats_seg.inference.ensemble import Ensemble, Pass, accumulate
from brats_seg.inference.moments import Moments
from brats_seg.inference.ready import ReadyCase, normalisations_of
from brats_seg.inference.tta import VIEWS
from brats_seg.inference.uncertainty import uncertainty
from brats_seg.models import UNet
from brats_seg.preprocessing import Normalisation, prepare
from brats_seg.runtime.precision import arithmetic

SHAPE = (13, 17, 21)
SIXTEEN = VIEWS["group16"]
ALL = Pass(views=SIXTEEN, precision="32-true")


def nets(count: int = 2) -> list[UNet]:
    torch.manual_seed(0)
    return [
        UNet(width=2, norm="instance", attention=True, residual=False, dropout=0.0).eval()
        for _ in range(count)
    ]


def naive(image: Tensor, members: list[UNet]) -> Tensor:
    """A list of every answer, mean at the end, heads computed, views by numpy."""
    z, y, x = image.shape[1:]
    padded = np.pad(image.numpy(), ((0, 0), *((0, -n % 8) for n in (z, y, x))))
    answers = []
    for net in members:
        for view in SIXTEEN:
            turned = padded[:, ::-1] if view.mirror_z else padded
            turned = turned[..., ::-1] if view.mirror_x else turned
            turned = np.rot90(turned, view.quarter_turns, (-2, -1))
            with torch.no_grad():
                answer = net(torch.from_numpy(turned.copy())[None]).main[0].sigmoid().numpy()
            back = np.rot90(answer, -view.quarter_turns, (-2, -1))
            back = back[..., ::-1] if view.mirror_x else back
            answers.append(back[:, ::-1] if view.mirror_z else back)
    return torch.from_numpy(np.stack(answers)[..., :z, :y, :x].copy())


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((4, *SHAPE)).astype(np.float32))


@pytest.fixture(scope="module")
def answers(image: Tensor) -> Tensor:
    return naive(image, nets())


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_two_nets_and_sixteen_views(image: Tensor, answers: Tensor, at_once: int) -> None:
    ticks: list[int] = []
    how = Pass(views=SIXTEEN, precision="32-true", spread=True, at_once=at_once)
    sums = accumulate(image, nets(), how, lambda: ticks.append(1))
    assert sums.count == len(ticks) == 32
    torch.testing.assert_close(sums.mean, answers.mean(0), atol=1e-5, rtol=0)
    torch.testing.assert_close(sums.variance, answers.var(0, correction=0), atol=1e-5, rtol=0)


def test_memory_layout_and_windows_that_hold_everything_change_nothing(
    image: Tensor, answers: Tensor
) -> None:
    layout = torch.contiguous_format
    how = Pass(views=SIXTEEN, precision="32-true", layout=layout, windows=True)
    plain = accumulate(image, nets(), how)
    torch.testing.assert_close(plain.mean, answers.mean(0), atol=1e-5, rtol=0)


def test_the_mean_does_not_depend_on_how_the_brain_lies(image: Tensor) -> None:
    # Averaged over the group, a mirrored or turned brain gives the mirrored or turned mean.
    even = image[:, :8, :16, :16]
    mean = accumulate(even, nets(1), ALL).mean
    for view in SIXTEEN:
        turned = accumulate(view.apply(even).contiguous(), nets(1), ALL).mean
        torch.testing.assert_close(turned, view.apply(mean), atol=1e-5, rtol=0)


def test_no_head_is_computed_but_the_main_one(image: Tensor) -> None:
    net = nets(1)[0]
    for head in net.heads:
        head.register_forward_hook(lambda *_: pytest.fail("a deep head was computed"))
    accumulate(image, [net], Pass(views=VIEWS["none"], precision="32-true"))


def test_memory_does_not_grow_with_views_and_networks(image: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    net, logits = nets(1)[0], ensemble._logits
    most = {}
    for count, views in ((1, SIXTEEN[:2]), (10, SIXTEEN[:4])):
        answers: list[weakref.ref[Tensor]] = []
        alive: list[int] = []

        def watched(*arguments: Any, answers: Any = answers, alive: Any = alive) -> Tensor:
            answer = logits(*arguments)
            answers.append(weakref.ref(answer))
            alive.append(sum(each() is not None for each in answers))
            return answer

        monkeypatch.setattr(ensemble, "_logits", watched)
        accumulate(image[..., :16, :16], [net] * count, Pass(views=views, precision="32-true"))
        assert len(alive) == count * len(views)
        most[count] = max(alive)
    assert most[10] == most[1] <= 2


def test_low_precision_stays_near(image: Tensor, answers: Tensor) -> None:
    low = accumulate(image, nets(), Pass(views=SIXTEEN, precision="bf16-mixed"))
    assert low.total.dtype == torch.float32
    assert (low.mean - answers.mean(0)).abs().mean() < 0.01
    with pytest.raises(UserError, match="bf16-mixed"):
        arithmetic("bf16", torch.device("cpu"))


def loaded(image: Tensor) -> LoadedCase:
    return LoadedCase(Case("x", {}), image.numpy(), None, nifti.lps_geometry(SHAPE), ())


def test_each_bundle_gets_its_own_normalisation(
    image: Tensor, make_bundle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = [make_bundle(seed=1), make_bundle(seed=2), make_bundle(seed=3, lower_percentile=10)]
    asked: list[Normalisation] = []

    def watched(case: LoadedCase, normalise: Normalisation) -> Any:
        asked.append(normalise)
        return prepare(case, normalise)

    monkeypatch.setattr("brats_seg.inference.ready.prepare", watched)
    members = Ensemble(bundles, layout=torch.channels_last_3d)
    case = ReadyCase(loaded(image), normalisations_of({"a": bundles[:1]}))
    sums, box = members(case, ALL, lambda: None)
    members(case, ALL, lambda: None)
    assert asked == [bundles[0].normalisation, bundles[2].normalisation], "prepared once per normalisation"
    parts = []
    for bundle in bundles:
        prepared = torch.from_numpy(prepare(loaded(image), bundle.normalisation).image)
        parts.append(accumulate(prepared, [bundle.net()], ALL).mean)
    torch.testing.assert_close(sums.mean, torch.stack(parts).mean(0), atol=1e-5, rtol=0)
    assert (box.shape, members.size, sums.count) == (SHAPE, 3, 48)


def test_batches_hold_views_of_one_shape_and_every_view_once() -> None:
    for limit in (1, 3, 8, 99):
        found = list(batches(SIXTEEN, limit))
        assert sorted(map(str, (v for some in found for v in some))) == sorted(map(str, SIXTEEN))
        assert all(len({v.quarter_turns % 2 for v in some}) == 1 and len(some) <= limit for some in found)
    assert views_at_once(torch.zeros(4, 8, 8, 8), 48, "32-true") == 1


@pytest.mark.parametrize(
    ("free_gib", "voxels", "precision", "expected"),
    [
        (16, 152 * 176 * 136, "16-mixed", 3),
        (16, 152 * 176 * 136, "32-true", 1),
        (80, 152 * 176 * 136, "16-mixed", 8),
        (
            1,
            152 * 176 * 136,
            "16-mixed",
            1,
        ),  # one is always tried
        (500, 155 * 240 * 240, "16-mixed", 5),  # six would be more than 2^31 values
    ],
)
def test_views_at_once_follow_precision_memory_and_the_largest_tensor(
    free_gib: int, voxels: int, precision: str, expected: int
) -> None:
    found = views_within(free_gib * 2**30, 48 * voxels, precision)
    assert found == expected
    assert found * 48 * voxels < 2**31


def test_uncertainty_is_zero_where_all_agree_and_a_hundred_where_half_disagree() -> None:
    def of(*members: float) -> Moments:
        sums = Moments(torch.zeros(3, 1, 1, 1), torch.zeros(3, 1, 1, 1))
        for p in members:
            sums.add(torch.full((3, 1, 1, 1), p))
        return sums

    for kind, members, expected in [
        ("variance", (0.7, 0.7), 0),
        ("variance", (0.0, 1.0), 100),
        ("variance", (0.25, 0.75), 25),
        ("entropy", (0.0, 0.0), 0),
        ("entropy", (1.0, 1.0), 0),
        ("entropy", (0.0, 1.0), 100),
        ("entropy", (0.11, 0.11), 50),
    ]:
        values = uncertainty(of(*members), kind)
        assert values.dtype == np.uint8
        assert (values == expected).all(), (kind, members, values)
    pooled = of(0.0) + of(1.0)
    assert pooled.count == 2
    assert (uncertainty(pooled, "variance") == 100).all()
