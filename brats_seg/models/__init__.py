"""Networks, rebuilt from plain values by an allow-list of names; those of other packages where trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from brats_seg.errors import UserError
from brats_seg.models.backbone import Backbone
from brats_seg.models.bifpn import BiFPN
from brats_seg.models.blocks import Norm
from brats_seg.models.dense import DenseUNet
from brats_seg.models.inverted_residual import InvertedResidualUNet
from brats_seg.models.network import Network
from brats_seg.models.own import OwnNetwork, is_own, refuse_other_settings
from brats_seg.models.unet import UNet

__all__ = [
    "BiFPN",
    "DenseUNet",
    "InvertedResidualUNet",
    "Network",
    "OwnNetwork",
    "UNet",
    "from_settings",
    "is_own",
]

MAX_WIDTH = 256
"""About five times the paper's width: a file that asks for more is refused before memory is taken for it."""
_NETWORKS: dict[str, type[Backbone]] = {
    each.name: each for each in (UNet, DenseUNet, InvertedResidualUNet, BiFPN)
}


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
    network = _NETWORKS.get(str(settings.get("name")))
    types = {key: type(value) for key, value in settings.items() if key != "name"}
    if network is None or types != network.TYPES:
        known = "; ".join(f"{name} with {', '.join(each.TYPES)}" for name, each in _NETWORKS.items())
        raise UserError(f"unknown architecture {dict(settings)}: expected {known}")
    values = {key: settings[key] for key in network.TYPES}
    if values["norm"] not in get_args(Norm):
        raise UserError(f"unknown norm {values['norm']!r}: use {' or '.join(get_args(Norm))}")
    if not 1 <= values["width"] <= MAX_WIDTH or not 0 <= values.get("dropout", 0) < 1:
        raise UserError(
            f"architecture out of bounds {values}: width 1 to {MAX_WIDTH}, dropout from 0 to below 1"
        )
    return network(**values)
