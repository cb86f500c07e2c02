"""Convolution, norm, ReLU: what their backward pass is made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brats_seg.errors import UserError
from brats_seg.models.blocks import ConvNormReLU, Norm, make_norm


def nodes(root: Any) -> set[str]:
    """The names of all nodes of a backward graph."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting.extend(following for following, _ in node.next_functions)
    return {node.name() for node in seen}


@pytest.mark.parametrize("norm", ["group", "instance"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_the_backward_pass_copies_no_slices(norm: Norm, batch: int, layout: torch.memory_format) -> None:
    block = ConvNormReLU(3, 4, norm)
    found = nodes(block(torch.randn(batch, 3, 4, 6, 6).contiguous(memory_format=layout)).grad_fn)
    assert "CopySlices" not in found
    assert any("Relu" in name for name in found)


def test_without_a_gradient_the_norm_is_overwritten_even_where_it_is_a_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block, asked = ConvNormReLU(3, 4, "instance"), []
    plain = torch.nn.functional.relu
    monkeypatch.setattr(
        "brats_seg.models.blocks.functional.relu", lambda x, inplace: asked.append(inplace) or plain(x)
    )
    with torch.no_grad():
        block(torch.randn(2, 3, 4, 6, 6))
    block(torch.randn(2, 3, 4, 6, 6))
    assert asked == [True, False]


@pytest.mark.usefixtures("shapes_unchecked")
def test_a_norm_that_is_none() -> None:
    with pytest.raises(UserError, match="unknown norm 'batch': use group or instance"):
        make_norm("batch", 16)  # type: ignore[arg-type]
