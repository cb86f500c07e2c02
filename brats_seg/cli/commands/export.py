"""`brats-seg export`. Covered by tests/inference/test_export.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig, ListConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Packages, Shape
from brats_seg.kinds import Existing


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/export.yaml`` and the kinds of their values."""

    bundle: Existing
    format: str
    output: str
    overwrite: bool
    trust: Packages
    parity_shape: Shape


@command("export")
def main(config: DictConfig) -> None:
    """Write the network of a bundle for deployment, and compare the two."""
    from pathlib import Path
    from typing import Any

    from brats_seg.artifacts.bundles import load_bundle
    from brats_seg.inference import export

    asked, path = config.parity_shape, Path(config.output)
    shape: Any = tuple(asked) if isinstance(asked, ListConfig) else (asked,)
    bundle = load_bundle(Path(config.bundle), config.trust)
    how = {"format": config.format, "parity_shape": shape, "overwrite": config.overwrite}
    difference = export(bundle, path, **how)
    print(f"{path}: answers as the bundle does, to {difference:.1e} on {' x '.join(map(str, shape))} voxels")


if __name__ == "__main__":
    main()
