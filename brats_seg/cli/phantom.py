"""`brats-seg phantom`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("phantom")
def main(config: DictConfig) -> None:
    """Write a synthetic cohort."""
    import os
    from pathlib import Path

    from rich.progress import Progress

    from brats_seg.phantom import write_cohort

    z, y, x = config.shape
    with Progress(transient=True) as bar:
        task = bar.add_task("writing cases", total=config.cases)
        ids = write_cohort(
            Path(config.output),
            cases=config.cases,
            seed=config.seed,
            shape=(z, y, x),
            first=config.first,
            workers=config.workers or os.cpu_count() or 1,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
    print(f"{len(ids)} cases in {config.output}")


if __name__ == "__main__":
    main()
