"""`brats-seg evaluate`."""

from __future__ import annotations

from omegaconf import DictConfig, ListConfig

from brats_seg.cli.command import command


@command("evaluate")
def main(config: DictConfig) -> None:
    """Score predictions against references; several folders are ranked, too."""
    import os
    from pathlib import Path

    from brats_seg.evaluation.evaluate import compare, evaluate

    options = {
        "convention": config.convention,
        "prediction_labels": config.labels.predictions,
        "reference_labels": config.labels.references,
        "patterns": config.patterns,
        "missing": config.missing,
        "paper": config.paper,
        "uncertainty_intervals": config.uncertainty.intervals if config.uncertainty.score else 0,
        "calibration_bins": config.calibration.bins if config.calibration.score else 0,
        "workers": config.workers or os.cpu_count() or 1,
    }
    references, output = Path(config.references), Path(config.output)
    if isinstance(config.predictions, ListConfig):
        folders = [Path(folder) for folder in config.predictions]
        compare(folders, references, output, seed=config.seed, **options)
    else:
        evaluate(Path(config.predictions), references, output, **options)


if __name__ == "__main__":
    main()
