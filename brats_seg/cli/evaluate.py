"""`brats-seg evaluate`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("evaluate")
def main(config: DictConfig) -> None:
    """Score predictions against references."""
    import os
    from pathlib import Path

    from brats_seg.evaluation.evaluate import evaluate

    evaluate(
        Path(config.predictions),
        Path(config.references),
        Path(config.output),
        prediction_labels=config.labels.predictions,
        reference_labels=config.labels.references,
        missing=config.missing,
        paper=config.paper,
        workers=config.workers or os.cpu_count() or 1,
    )


if __name__ == "__main__":
    main()
