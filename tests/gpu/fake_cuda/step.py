"""Steps on the pretended card: ``python step.py LIBRARY '{}' '{"batch": 3}'``; a line of JSON for each."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
if __name__ == "__main__":
    ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)  # before torch looks for cards

import torch
from device import autocast, move, on_card, pretend
from torch._subclasses.fake_tensor import FakeTensorMode
from traffic import GIB, Traffic

from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.models import UNet, fused_norm

USUAL = {"norm": "group", "batch": 1, "width": 48, "side": 128, "dtype": "float16", "fused": True,
         "attention": False, "checkpointing": False, "predict": False}  # fmt: skip


def run(settings: dict[str, Any]) -> dict[str, Any]:
    """Forward, loss of all heads, backward; for a prediction the main head alone, without gradients."""
    chosen = {**USUAL, **settings}
    mode = FakeTensorMode()
    with torch.device("meta"):
        net = UNet(
            width=chosen["width"],
            norm=chosen["norm"],
            attention=chosen["attention"],
            residual=False,
            dropout=0.0,
        )
        image, target = (torch.empty(chosen["batch"], count, *[chosen["side"]] * 3) for count in (4, 3))
    net.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    net.fuse_norms(chosen["fused"])
    net.checkpointing = chosen["checkpointing"]
    move(net, mode)
    loss_of = DeepSupervisionLoss(DiceLoss(squared=chosen["norm"] == "group", smooth=1.0))
    image, target = (
        on_card(mode, image.contiguous(memory_format=torch.channels_last_3d)),
        on_card(mode, target),
    )
    with mode, Traffic() as traffic:
        for tensor in (*net.parameters(), image, target):
            traffic.add(tensor)
        if chosen["predict"]:
            weights = traffic.live
            torch.set_grad_enabled(False)
        with autocast(None if chosen["dtype"] == "float32" else getattr(torch, chosen["dtype"])):
            logits = net(image, deep=not chosen["predict"])
        if chosen["predict"]:
            values = chosen["batch"] * chosen["width"] * chosen["side"] ** 3
            return {"bytes_per_value": (traffic.peak - weights) / values, **summary(traffic)}
        loss = loss_of(logits, target)
        held = traffic.live
        loss.backward()
    return {"held_gib": held / GIB, **summary(traffic)}


def summary(traffic: Traffic) -> dict[str, Any]:
    """In GiB and GB; ``moved_gb`` has the copies to another layout in it."""
    moved = traffic.moved + traffic.hidden
    return {
        "peak_gib": traffic.peak / GIB,
        "moved_gb": moved.total() / 1e9,
        "hidden_gb": traffic.hidden.total() / 1e9,
        "layout_gb": traffic.layout.total() / 1e9,
        "calls": dict(traffic.calls),
        "heaviest_gb": gigabytes(moved),
    }


def gigabytes(moved: Counter[str]) -> dict[str, float]:
    """The operators that move most."""
    return {name: round(value / 1e9, 2) for name, value in moved.most_common(12)}


if __name__ == "__main__":
    pretend()
    fused_norm.HAS_TRITON = True  # no kernel runs
    for text in sys.argv[2:]:
        print(json.dumps(run(json.loads(text))), flush=True)
    os._exit(0)  # torch may not survive the end of a device that never was
