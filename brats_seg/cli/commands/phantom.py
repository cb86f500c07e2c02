"""`brats-seg phantom`. Covered by tests/phantom/test_cohort.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Shape
from brats_seg.kinds import Count, Positive


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/phantom.yaml`` and the kinds of their values."""

    output: str
    cases: Count
    seed: Count
    shape: Shape
    first: Positive
    skull: bool
    workers: Count | None


@command("phantom")
def main(config: DictConfig) -> None:
    """Write a synthetic cohort."""
    from pathlib import Path

    from rich.progress import Progress

    from brats_seg.console import count, plain_console
    from brats_seg.phantom import write_cohort, write_raw_cohort
    from brats_seg.runtime import worker_count

    z, y, x = config.shape
    output = Path(config.output)
    write = write_raw_cohort if config.skull else write_cohort
    before = {path.name for path in output.iterdir()} if output.is_dir() else set()
    with Progress(transient=True, disable=not plain_console().is_terminal) as bar:
        task = bar.add_task("writing cases", total=config.cases)
        ids = write(
            output,
            cases=config.cases,
            seed=config.seed,
            shape=(z, y, x),
            first=config.first,
            workers=worker_count(config.workers),
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
    kept = len(before & set(ids))
    print(f"{count(len(ids), 'case')} in {output}{f', {kept} of them from before' if kept else ''}")


if __name__ == "__main__":
    main()
