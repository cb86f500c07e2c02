"""The network of section 2.1 in torch's own operations, to time and to compare with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def plain_unet(net: Any, image: Tensor, *, groups: int | None = 16) -> list[Tensor]:
    """The main head, then the auxiliary ones, with the weights of a ``brats_seg.models.UNet``.

    ``groups=None``: instance norm.
    """
    weights = dict(net.named_parameters())

    def block(name: str, x: Tensor, dilation: int = 1) -> Tensor:
        x = functional.conv3d(x, weights[f"{name}.conv.weight"], padding=dilation, dilation=dilation)
        channels = x.shape[1]
        x = functional.group_norm(
            x, min(groups or channels, channels), weights[f"{name}.norm.weight"], weights[f"{name}.norm.bias"]
        )
        return functional.relu(x)

    def stage(name: str, x: Tensor) -> Tensor:
        answer = block(f"{name}.second", block(f"{name}.first", x))
        project = weights.get(f"{name}.project.weight")
        return answer if project is None else answer + functional.conv3d(x, project)

    def attend(name: str, x: Tensor) -> Tensor:
        if f"{name}.spatial.weight" not in weights:
            return x

        def shared(pooled: Tensor) -> Tensor:
            w0, b0, w2, b2 = (weights[f"{name}.shared.{k}.{p}"] for k in (0, 2) for p in ("weight", "bias"))
            return functional.linear(functional.relu(functional.linear(pooled, w0, b0)), w2, b2)

        pools = (functional.adaptive_avg_pool3d(x, 1), functional.adaptive_max_pool3d(x, 1))
        x = x * torch.sigmoid(sum(shared(p.flatten(1)) for p in pools))[:, :, None, None, None]
        maps = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
        return x * torch.sigmoid(functional.conv3d(maps, weights[f"{name}.spatial.weight"], padding=3))

    def up(x: Tensor, factor: int) -> Tensor:
        return functional.interpolate(x, scale_factor=factor, mode="trilinear", align_corners=True)

    def head(name: str, x: Tensor) -> Tensor:
        return functional.conv3d(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    skips: list[Tensor] = []
    x = image
    for level in range(4):
        x = functional.max_pool3d(x, 2) if level else x
        x = attend(f"encoder.{level}.attention", stage(f"encoder.{level}", x))
        skips.append(x)
    dilated = block("dilated.1", block("dilated.0", x, 2), 2)
    levels = [dilated, block("lowest", torch.cat([x, dilated], 1))]
    for level in range(3):
        x = torch.cat([skips[2 - level], up(levels[-1], 2)], 1)
        levels.append(stage(f"decoder.{level}", x))
    deep = [up(head(f"heads.{k}", levels[k]), factor) for k, factor in enumerate((8, 8, 4, 2))]
    return [head("main", levels[-1]), *deep]
