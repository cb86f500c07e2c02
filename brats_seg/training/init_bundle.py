"""Start from the weights of a bundle (fine-tuning).

Covered by tests/training/test_resume.py.
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from brats_seg.artifacts.bundles import Bundle, load_bundle
from brats_seg.errors import UserError


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
    bundle = load_bundle(folder)
    for key, held in bundle.architecture.items():
        if key != "name" and held != config.model[key]:
            raise UserError(
                f"init={config.init} has model.{key}={held}, this training {config.model[key]}: "
                "they must be equal"
            )
    return bundle
