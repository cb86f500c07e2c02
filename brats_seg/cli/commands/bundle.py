"""`brats-seg bundle`."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Packages


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/bundle.yaml`` and the kinds of their values."""

    action: str
    path: str
    trust: Packages


@command("bundle")
def main(config: DictConfig) -> None:
    """Show what a bundle says of itself, or verify that its weights are those it speaks of."""
    import json
    from pathlib import Path

    from brats_seg.artifacts.bundles import load_bundle
    from brats_seg.artifacts.ensemble_file import load_ensemble
    from brats_seg.console import plain_console
    from brats_seg.errors import WrongValue

    if config.action not in ("show", "verify"):
        raise WrongValue(f"unknown action={config.action}: use show or verify")
    path, console = Path(config.path), plain_console(soft_wrap=True, highlight=False)
    trust = config.trust
    found = load_ensemble(path, trust) if path.is_file() else {"": [load_bundle(path, trust)]}
    for bundle in (each for group in found.values() for each in group):
        if config.action == "show":
            record = {"path": str(bundle.folder), "sha256 of the record": bundle.sha256, **bundle.record}
            console.print_json(
                json.dumps(record), ensure_ascii=True
            )  # a foreign record may hold what no terminal can show
        else:
            parameters = sum(p.numel() for p in bundle.net().parameters())
            console.print(
                f"{bundle.folder}: pipeline {bundle.pipeline}, {parameters:,} parameters, as recorded",
                markup=False,
            )


if __name__ == "__main__":
    main()
