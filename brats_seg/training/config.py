"""Compose a training's configuration without a command line, for notebooks, workflows and tests.

Covered by tests/workflows/test_sweep.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from brats_seg.artifacts.run_names import is_readable, run_name, scientific
from brats_seg.artifacts.training_keys import override_key
from brats_seg.errors import UserError, WrongValue, one_line


def load_config(overrides: Sequence[str], config_name: str = "train") -> DictConfig:
    """What ``brats-seg train`` with these overrides would run.

    Args:
        overrides: As on the command line, such as ``["experiment=pipeline_b", "data.root=cohort"]``.
        config_name: Which root configuration.
    """
    if GlobalHydra.instance().is_initialized():  # inside another command's Hydra main
        config = compose(config_name, list(overrides), return_hydra_config=True)
    else:
        with initialize_config_module("brats_seg.conf", version_base="1.3"):
            config = compose(config_name, list(overrides), return_hydra_config=True)
    experiment = config.hydra.runtime.choices.get("experiment")
    with open_dict(config):
        del config["hydra"]
        if experiment is not None and config.name is None:
            config.name = run_name(experiment, canonical(overrides), Path(config.runs_root))
    return config


def build(config: DictConfig, **arguments: Any) -> Any:
    """What a group's file describes, with plain lists and dictionaries inside.

    Raises:
        UserError: What the constructor has against its arguments, as itself and not inside Hydra's exception.
    """
    plain = OmegaConf.to_container(config, resolve=True)
    literal = _protected(plain) if "${" in str(plain) else config
    try:
        return instantiate(literal, _convert_="all", **arguments)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def _protected(value: Any) -> Any:
    """Plain values in which ``${`` is a part of a name, for Hydra, which resolves them twice."""
    if isinstance(value, dict):
        return {key: _protected(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_protected(each) for each in value]
    return value.replace("${", r"\\\${") if isinstance(value, str) else value


def make_part(key: str, node: DictConfig, **arguments: Any) -> Any:
    """Make what a part of a training's configuration describes.

    Args:
        key: Of the part, for what is said of it.
        node: ``_target_`` and arguments.
        arguments: Others, which the training gives.

    Returns:
        What the target answers.

    Raises:
        WrongValue: There is no such target, or it does not take the arguments.
    """
    locate(key, node)
    try:
        return build(node, **arguments)
    except InstantiationException as error:
        if isinstance(error.__cause__, TypeError | ValueError):
            raise WrongValue(f"{key}: {error.__cause__}") from error
        raise


def locate(key: str, node: DictConfig) -> Any:
    """The class or function that a node names.

    Args:
        key: Of the node, for what is said of it.
        node: ``_target_`` and arguments.

    Returns:
        The class or function, not called.

    Raises:
        WrongValue: There is none of this name.
    """
    try:
        with patch.object(
            logging.getLogger("hydra.utils"), "disabled", True
        ):  # it says the same, in four lines
            return get_object(node._target_)
    except (ImportError, ValueError) as error:
        reason = one_line(error.__cause__ or error)
        raise WrongValue(f"{key}: there is no {node._target_} ({reason})") from error


def with_name(config: DictConfig) -> DictConfig:
    """The configuration of a running Hydra main with its run's name filled in."""
    running = HydraConfig.get()
    named = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(config)))
    if named.name is None:
        experiment = running.runtime.choices["experiment"]
        named.name = run_name(experiment, canonical(_given(running)), Path(named.runs_root))
    return named


def overrides_of_name() -> list[str]:
    """The overrides of a running Hydra main of which its run's name has a hash alone."""
    running = HydraConfig.get()
    given = sorted(scientific(canonical(_given(running))))
    is_named = any(override_key(each) == "name" for each in _given(running))
    return [] if is_named or is_readable(given) else given


def _given(running: Any) -> list[str]:
    return cast(list[str], OmegaConf.to_container(running.overrides.task, resolve=False))


def canonical(overrides: Sequence[str]) -> list[str]:
    """Overrides as a sweep spells them, so that ``1e-1`` and ``0.1`` name one training."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [f"{each.get_key_element()}={each.get_value_element_as_str()}" for each in parsed]
