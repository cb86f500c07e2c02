"""The network that ``model`` describes: one of this package, or a class of another one.

Covered by tests/training/test_own_network.py.
"""

from __future__ import annotations

from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

import brats_seg
from brats_seg.errors import UserError, WrongValue
from brats_seg.models import Network, from_settings
from brats_seg.training.config import make_part
from brats_seg.trusted import package_of

WRITTEN = "_target_"
"""Hydra's one key that ``model`` may have: a bundle makes the network of it and the arguments alone."""


def make_network(model: DictConfig) -> Network:
    """The network, untrained.

    Args:
        model: ``_target_`` and arguments, as ``conf/model``.

    Returns:
        The network of this package, or one that wraps what another package makes.

    Raises:
        WrongValue: There is no such class, it is no module of torch, or it does not take the arguments.
    """
    if package_of(model._target_) == brats_seg.__name__:
        made = make_part("model", model)
        if not isinstance(made, Network):
            raise WrongValue(f"model: {model._target_} makes no network")
        return made
    settings = own_settings(model)
    try:
        return from_settings(settings, [package_of(settings["name"])])
    except UserError as error:
        raise WrongValue(f"model: {error}") from error


def own_settings(model: DictConfig) -> dict[str, Any]:
    """What a bundle records of a network of another package.

    Args:
        model: ``_target_`` and arguments.

    Returns:
        ``name`` and ``arguments``.

    Raises:
        WrongValue: There are other keys of Hydra's.
    """
    plain = cast(dict[str, Any], OmegaConf.to_container(model, resolve=True))
    others = [key for key in plain if key.startswith("_") and key != WRITTEN]
    if others:
        raise WrongValue(f"model.{others[0]}: expected {WRITTEN} and the arguments of the class alone")
    return {"name": plain.pop(WRITTEN), "arguments": plain}


def packages_of(config: DictConfig) -> list[str]:
    """The packages whose code a training runs because its configuration names them.

    Args:
        config: Of the training.

    Returns:
        Those of ``model`` and ``data``, for opening the bundle that the training writes.
    """
    return sorted({package_of(config.model._target_), package_of(config.data._target_)})
