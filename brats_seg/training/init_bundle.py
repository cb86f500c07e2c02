"""Start from the weights of a bundle (fine-tuning).

Covered by tests/training/test_resume.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from torch import nn

from brats_seg.artifacts.bundles import Bundle, load_bundle
from brats_seg.errors import UserError
from brats_seg.training.network import make_network, packages_of

RATE_FACTOR = "rate_factor"
"""Of a group of an optimiser's parameters: times that is its rate."""
HEADS = ("main", "heads")
"""Parts of a network that are new to the task in a fine-tuning."""


def parameter_groups(net: nn.Module, old_rate: float) -> Iterable[Any]:
    """What an optimiser is given of a network: the weights, the heads apart where the others are slower.

    Args:
        net: The network.
        old_rate: Times that is the rate of every weight but those of the heads.

    Returns:
        Parameters, or two groups of them.
    """
    if old_rate == 1:
        return net.parameters()
    new: list[nn.Parameter] = []
    for name in HEADS:
        new += getattr(net, name, nn.Module()).parameters()
    of_heads = {id(parameter) for parameter in new}
    old = [parameter for parameter in net.parameters() if id(parameter) not in of_heads]
    groups = [{"params": new, RATE_FACTOR: 1.0}, {"params": old, RATE_FACTOR: old_rate}]
    return [group for group in groups if group["params"]]


def initial_bundle(config: DictConfig, *, begun: bool) -> Bundle | None:
    """The bundle that ``init`` names.

    Args:
        config: Of the training.
        begun: The training has a checkpoint or is finished, so it no longer needs the bundle.

    Returns:
        The bundle; None where ``init`` is null, or where the training has begun and the bundle is gone.

    Raises:
        UserError: ``init`` is no bundle, or of another architecture than ``model`` asks for.
    """
    if config.init is None:
        return None
    folder = Path(config.init).expanduser()
    if begun and not folder.exists():
        return None
    bundle = load_bundle(folder, packages_of(config))
    wanted = make_network(config.model).settings()
    for key, held in bundle.architecture.items():
        if held != wanted.get(key):
            raise UserError(
                f"init={config.init} has model.{key}={held}, this training {wanted.get(key)}: "
                "they must be equal"
            )
    return bundle
