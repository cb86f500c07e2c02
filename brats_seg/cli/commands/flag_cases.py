"""`brats-seg flag-cases`. Covered by tests/cross_validation/test_hard_cases.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Folders
from brats_seg.kinds import Amount, Positive


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/flag_cases.yaml`` and the kinds of their values."""

    runs: Folders
    output: str
    overwrite: bool
    last_epochs: Positive
    deviations: Amount


@command("flag_cases")
def main(config: DictConfig) -> None:
    """List the training cases whose loss stays high, for a person to review and ``data.exclude`` to take."""
    from pathlib import Path

    from brats_seg.console import count
    from brats_seg.cross_validation import flag_cases

    runs = [config.runs] if isinstance(config.runs, str) else list(config.runs)
    output = Path(config.output)
    folders = [Path(run) for run in runs]
    flagged = flag_cases(
        folders,
        output,
        last_epochs=config.last_epochs,
        deviations=config.deviations,
        overwrite=config.overwrite,
    )
    for case_id in flagged:
        print(case_id)
    plot = output.with_suffix(".png")
    print(f"{count(len(flagged), 'case')} flagged in {output}; look at each, and at {plot}")


if __name__ == "__main__":
    main()
