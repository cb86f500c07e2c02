"""`brats-seg enhancing-threshold`. Covered by tests/cross_validation/test_enhancing_threshold.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig, ListConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Folders, LabelsOfBoth
from brats_seg.kinds import Existing


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/enhancing_threshold.yaml`` and the kinds of their values."""

    predictions: Folders
    references: Existing
    labels: LabelsOfBoth


@command("enhancing_threshold")
def main(config: DictConfig) -> None:
    """Choose the volume below which enhancing tumour becomes necrosis, on out-of-fold predictions."""
    from pathlib import Path

    from brats_seg.cross_validation import choose_enhancing_threshold

    folders = config.predictions if isinstance(config.predictions, ListConfig) else [config.predictions]
    chosen = choose_enhancing_threshold(
        [Path(folder) for folder in folders],
        Path(config.references),
        prediction_labels=config.labels.predictions,
        reference_labels=config.labels.references,
    )
    dices = f"ET Dice {chosen.after:.4f} instead of {chosen.before:.4f}"
    print(f"{dices}: of {chosen.cases} cases {chosen.better} better, {chosen.worse} worse")
    print(f"postprocessing.enhancing_below_mm3={chosen.below_mm3}")


if __name__ == "__main__":
    main()
