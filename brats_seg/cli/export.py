"""`brats-seg export`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("export")
def main(config: DictConfig) -> None:
    """Write the network of a bundle for deployment, and compare the two."""
    from pathlib import Path

    from brats_seg.bundles import load_bundle
    from brats_seg.inference.export import export

    z, y, x = config.parity_shape
    path = Path(config.output)
    difference = export(load_bundle(Path(config.bundle)), path, format=config.format, parity_shape=(z, y, x))
    print(f"{path}: answers as the bundle does, to {difference:.1e} on {z} x {y} x {x} voxels")


if __name__ == "__main__":
    main()
