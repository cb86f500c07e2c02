"""`brats-seg bundle`. Covered by tests/cli/commands/test_bundle.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Packages
from brats_seg.kinds import Existing

if TYPE_CHECKING:
    from brats_seg.artifacts.bundles import Bundle


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/bundle.yaml`` and the kinds of their values."""

    action: str
    path: Existing
    output: str | None
    overwrite: bool
    sha256: str | None
    trust: Packages


@command("bundle")
def main(config: DictConfig) -> None:
    """Show what a bundle says of itself, verify its weights, pack or unpack an ensemble."""
    from brats_seg.errors import WrongValue

    actions = {"show": _show, "verify": _verify, "pack": _pack, "unpack": _unpack}
    if config.action not in actions:
        raise WrongValue(f"unknown action={config.action}: use show, verify, pack or unpack")
    if (config.action in ("pack", "unpack")) != (config.output is not None):
        rule = "action=pack takes output=FILE.zip, action=unpack output=DIR, the others none"
        raise WrongValue(f"action={config.action} output={config.output}: {rule}")
    actions[config.action](config)


def _show(config: DictConfig) -> None:
    import json

    console = _console()
    for bundle in _bundles(config):
        record = {"path": str(bundle.folder), "sha256 of the record": bundle.sha256, **bundle.record}
        # ASCII: a foreign record may hold what no terminal can show
        console.print_json(json.dumps(record), ensure_ascii=True)


def _verify(config: DictConfig) -> None:
    for bundle in _bundles(config):
        parameters = sum(p.numel() for p in bundle.net().parameters())
        words = f"pipeline {bundle.pipeline}, {parameters:,} parameters, as recorded"
        _console().print(f"{bundle.folder}: {words}", markup=False)


def _pack(config: DictConfig) -> None:
    from brats_seg.artifacts.ensemble_archive import pack_ensemble

    output = Path(config.output)
    sha256 = pack_ensemble(_opened(config), output, overwrite=config.overwrite)
    _console().print(f"{output}: sha256 {sha256}", markup=False)


def _unpack(config: DictConfig) -> None:
    from brats_seg.artifacts.unpack_archive import unpack_ensemble

    ensemble = unpack_ensemble(Path(config.path), Path(config.output), config.sha256)
    _console().print(f"brats-seg predict ensemble={ensemble} input=DIR output=DIR", markup=False)


def _opened(config: DictConfig) -> dict[Any, list[Bundle]]:
    """Pipeline to the bundles of an ensemble file, or to the one bundle of a folder."""
    from brats_seg.artifacts.bundles import load_bundle
    from brats_seg.artifacts.ensemble_file import load_ensemble

    path = Path(config.path)
    if path.is_file():
        return dict(load_ensemble(path, config.trust))
    bundle = load_bundle(path, config.trust)
    return {bundle.pipeline: [bundle]}


def _bundles(config: DictConfig) -> Iterator[Bundle]:
    for group in _opened(config).values():
        yield from group


def _console() -> Any:
    from brats_seg.console import plain_console

    return plain_console(soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
