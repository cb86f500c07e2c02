"""Networks, rebuilt from plain values by an allow-list of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from brats_seg.errors import UserError
from brats_seg.models.blocks import Norm
from brats_seg.models.unet import UNet

__all__ = ["UNet", "from_settings"]

MAX_WIDTH = 256
"""About five times the paper's width: a file that asks for more is refused before memory is taken for it."""
_TYPES = {"width": int, "norm": str, "attention": bool, "residual": bool, "dropout": float}


def from_settings(settings: Mapping[str, Any]) -> UNet:
    """Rebuild a network, untrained, from :meth:`UNet.settings`. Data, never code.

    Raises:
        UserError: Another name, other keys, or values out of bounds.
    """
    types = {key: type(value) for key, value in settings.items() if key != "name"}
    if settings.get("name") != UNet.name or types != _TYPES:
        raise UserError(
            f"unknown architecture {dict(settings)}: expected name {UNet.name!r} with {', '.join(_TYPES)}"
        )
    values = {key: settings[key] for key in _TYPES}
    if values["norm"] not in get_args(Norm):
        raise UserError(f"unknown norm {values['norm']!r}: use {' or '.join(get_args(Norm))}")
    if not 1 <= values["width"] <= MAX_WIDTH or not 0 <= values["dropout"] < 1:
        raise UserError(
            f"architecture out of bounds {values}: width 1 to {MAX_WIDTH}, dropout from 0 to below 1"
        )
    return UNet(**values)
