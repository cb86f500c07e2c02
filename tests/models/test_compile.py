"""Every variant of the network is one graph for torch's compiler."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brats_seg.models import UNet

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shapes_unchecked")]
ALL: dict[str, Any] = {"norm": "group", "attention": False, "residual": False, "dropout": 0.0}


@pytest.mark.parametrize(
    ("changes", "batch", "checkpointing", "deterministic"),
    [
        ({}, 1, False, False),
        ({"norm": "instance"}, 3, False, False),
        ({"norm": "instance"}, 1, False, False),
        ({"attention": True}, 1, False, False),
        ({"residual": True}, 1, False, False),
        ({"dropout": 0.2}, 1, False, False),
        ({}, 1, True, False),
        ({"attention": True, "dropout": 0.2}, 1, True, False),
        ({}, 1, False, True),
    ],
)
def test_a_variant_has_no_graph_break(
    changes: dict[str, Any],
    batch: int,
    checkpointing: bool,
    deterministic: bool,
    request: pytest.FixtureRequest,
) -> None:
    request.addfinalizer(torch._dynamo.reset)
    request.addfinalizer(lambda: torch.use_deterministic_algorithms(False))
    torch.use_deterministic_algorithms(deterministic)
    net = UNet(width=2, **{**ALL, **changes})
    net.checkpointing = checkpointing
    net.compile(backend="eager", fullgraph=True)  # a break is an error
    logits = net(torch.randn(batch, 4, 16, 16, 16))
    sum(head.sum() for head in (logits.main, *logits.deep)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
