"""Modules of other packages as networks: what they may answer, which sizes they see, what remakes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.models import OwnNetwork, from_settings, is_own

SOURCE = """
import torch
from torch import nn
from brats_seg.terms import Logits

class OneTensor(nn.Module):
    def __init__(self, width: int, powers: list = (1,)):
        super().__init__()
        self.first, self.last = nn.Conv3d(4, width, 3, padding=1), nn.Conv3d(width, 3, 1)
        self.powers = powers
    def forward(self, x):
        return self.last(self.first(x).relu())

class Deep(OneTensor):
    def forward(self, image, deep=True):
        answer = super().forward(image)
        return Logits(answer, (answer, answer) if deep else ())

class Careless(OneTensor):
    def forward(self, x):
        answer = super().forward(x)
        return Logits(answer, (answer,))

class Halving(OneTensor):
    divisor = 32
    def forward(self, x):
        assert all(n % 32 == 0 for n in x.shape[2:]), x.shape
        return super().forward(x)

class Listing(OneTensor):
    def forward(self, x):
        return [super().forward(x)]

class Smaller(OneTensor):
    def forward(self, x):
        return super().forward(x)[..., ::2]

class TwoRegions(OneTensor):
    def forward(self, x):
        return super().forward(x)[:, :2]
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OwnNetwork]]:
    (tmp_path / "own_nets.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name, **arguments: OwnNetwork(f"own_nets.{name}", {"width": 2, **arguments}, ["own_nets"])
    sys.modules.pop("own_nets", None)


IMAGE = torch.randn(2, 4, 16, 24, 8)


def test_one_tensor_is_the_main_head(made: Callable[..., OwnNetwork]) -> None:
    net = made("OneTensor")
    logits = net(IMAGE)
    assert torch.equal(logits.main, net.net(IMAGE))
    assert logits.deep == ()


def test_deep_heads_come_where_asked(made: Callable[..., OwnNetwork]) -> None:
    for name, heads in (("Deep", 2), ("Careless", 1)):
        net = made(name)
        assert len(net(IMAGE).deep) == heads
        assert net(IMAGE, deep=False).deep == ()


def test_sizes_are_filled_up_to_the_divisor_and_cut_back(made: Callable[..., OwnNetwork]) -> None:
    net = made("Halving")
    assert net.divisor == 32
    assert net(IMAGE).main.shape == (2, 3, 16, 24, 8)
    filled = torch.zeros(2, 4, 32, 32, 32)
    filled[..., :16, :24, :8] = IMAGE
    torch.testing.assert_close(net(IMAGE).main, net.net(filled)[..., :16, :24, :8])


@pytest.mark.parametrize("name", ["Listing", "Smaller", "TwoRegions"])
def test_another_answer_is_one_line(made: Callable[..., OwnNetwork], name: str) -> None:
    with pytest.raises(
        UserError, match=rf"own_nets\.{name} answers .*: expected Logits, or one tensor"
    ) as caught:
        made(name)(IMAGE)
    assert "\n" not in str(caught.value)


def test_settings_make_it_again(made: Callable[..., OwnNetwork]) -> None:
    net = made("OneTensor", powers=[1, [2, 3], {"a": None}])
    assert is_own(net.settings())
    with pytest.raises(UserError, match=r"trust=\[own_nets\]"):
        from_settings(net.settings())
    again = from_settings(net.settings(), ["own_nets"])
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(IMAGE).main, net(IMAGE).main)
    assert again.settings() == net.settings()


@pytest.mark.parametrize(
    "arguments",
    [
        {"powers": {"_target_": "os.system", "command": "true"}},
        {"powers": [{"_target_": "os.system"}]},
        {"_partial_": True},
        {"powers": object()},
        {"powers": (1, 2)},
    ],
)
def test_arguments_are_plain_data(made: Callable[..., OwnNetwork], arguments: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="without _target_"):
        made("OneTensor", **arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"width": "two"}, "cannot be made"), ({"depth": 3}, "unexpected keyword argument 'depth'")],
)
def test_arguments_that_do_not_fit_are_one_line(
    made: Callable[..., OwnNetwork], arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        made("OneTensor", **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "own_nets.Deep"},
        {"name": "own_nets.Deep", "arguments": [], "more": 1},
        {"name": "a.b", "arguments": 3},
    ],
)
def test_other_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="expected its name and arguments"):
        from_settings(settings, ["own_nets", "a"])


def test_memory_for_time_where_the_network_can(made: Callable[..., OwnNetwork]) -> None:
    net = made("OneTensor", width=2)
    assert not net.checkpointing
    with pytest.raises(UserError, match="has no attribute checkpointing to set"):
        net.checkpointing = True
    net.net.checkpointing = False  # type: ignore[assignment]
    net.checkpointing = True
    assert net.checkpointing
    assert net.net.checkpointing
