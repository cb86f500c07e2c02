"""`brats-seg prepare`. Covered by tests/test_wheel.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Data, Patterns, Scale


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/prepare.yaml`` and the kinds of their values."""

    scale: Scale
    data: Data
    patterns: Patterns
    orientation: str | None
    verify: bool


@command("prepare")
def main(config: DictConfig) -> None:
    """Fill the cache of one pipeline with every labelled case."""
    from brats_seg.console import count
    from brats_seg.training.config import build
    from brats_seg.training.fill_cache import prepare_with_progress

    data = build(config.data)
    ready = prepare_with_progress(data, verify=config.verify, all_cases=True)
    print(f"{count(ready, 'case')} ready in {data.home}")


if __name__ == "__main__":
    main()
