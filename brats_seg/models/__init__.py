"""Networks, rebuilt from plain values by an allow-list of names; those of other packages where trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from brats_seg.errors import UserError
from brats_seg.models.blocks import Norm
from brats_seg.models.network import Network
from brats_seg.models.own import OwnNetwork, is_own, refuse_other_settings
from brats_seg.models.unet import UNet

__all__ = ["Network", "OwnNetwork", "UNet", "from_settings", "is_own"]

MAX_WIDTH = 256
"""About five times the paper's width: a file that asks for more is refused before memory is taken for it."""
_TYPES = {"width": int, "norm": str, "attention": bool, "residual": bool, "dropout": float}


def from_settings(settings: Mapping[str, Any], trust: Sequence[str] = ()) -> Network:
    """Rebuild a network, untrained, from :meth:`Network.settings`.

    Args:
        settings: Of a network of this package, which are data, or of a class of another one.
        trust: Packages whose code may be run.

    Returns:
        The network.

    Raises:
        UserError: Another name, other keys, values out of bounds, or a package that is not trusted.
    """
    if is_own(settings):
        refuse_other_settings(settings)
        return OwnNetwork(settings["name"], settings["arguments"], trust)
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
