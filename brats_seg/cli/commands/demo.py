"""`brats-seg demo`. Covered by tests/cli/test_values.py and `make demo`."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Shape
from brats_seg.kinds import Count


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/demo.yaml`` and the kinds of their values."""

    output: str
    cases: Count
    test_cases: Count
    shape: Shape
    folds: list[Count]
    size: str
    tta: str
    seed: Count


@command("demo")
def main(config: DictConfig) -> None:
    """Run every step on a synthetic cohort."""
    from pathlib import Path

    from brats_seg.workflows import demo

    z, y, x = config.shape
    demo(
        Path(config.output),
        cases=config.cases,
        test_cases=config.test_cases,
        shape=(z, y, x),
        folds=list(config.folds),
        scale=config.size,
        tta=config.tta,
        seed=config.seed,
    )


if __name__ == "__main__":
    main()
