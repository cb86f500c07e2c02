"""Networks, rebuilt from plain values by an allow-list of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brats_seg.errors import UserError
from brats_seg.models.unet import UNet

__all__ = ["UNet", "from_settings"]

MAX_WIDTH = 256
"""Sixteen times the paper's parameters in each layer pair: a file that asks for more is refused before memory is."""
_TYPES = {"width": int, "norm": str, "attention": bool, "residual": bool, "dropout": float}


def from_settings(settings: Mapping[str, Any]) -> UNet:
    """Rebuild a network, untrained, from :meth:`UNet.settings`. Data, never code.

    Raises:
        UserError: Another name, other keys, or values out of bounds.
    """
    values = {key: value for key, value in settings.items() if key != "name"}
    if (
        settings.get("name") != UNet.name
        or set(values) != set(_TYPES)
        or any(type(values[k]) is not t for k, t in _TYPES.items())
    ):
        raise UserError(
            f"unknown architecture {dict(settings)}: expected name {UNet.name!r} with {', '.join(_TYPES)}"
        )
    if not 1 <= values["width"] <= MAX_WIDTH or not 0 <= values["dropout"] < 1:
        raise UserError(
            f"architecture out of bounds {values}: width 1 to {MAX_WIDTH}, dropout from 0 to below 1"
        )
    return UNet(**values)
