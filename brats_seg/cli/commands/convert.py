"""`brats-seg convert`. Covered by tests/scans/test_packages.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Series
from brats_seg.kinds import Existing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brats_seg.scans.convert import Judged


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/convert.yaml`` and the kinds of their values."""

    input: Existing
    output: str
    identity: str
    series: Series


@command("convert")
def main(config: DictConfig) -> None:
    """Find the four sequences in DICOM files, show every series with its verdict, and write NIfTI."""
    from pathlib import Path

    from omegaconf import OmegaConf

    from brats_seg.console import count
    from brats_seg.errors import UserError
    from brats_seg.scans.convert import convert

    chosen = {str(key): value for key, value in OmegaConf.to_container(config.series).items()}  # type: ignore[union-attr]
    found = convert(Path(config.input), Path(config.output), chosen=chosen, identity=config.identity)
    show(found.judged)
    cases, others = count(len(found.written), "case"), count(found.others, "file")
    print(f"{cases} in {config.output}; {others} that are no DICOM")
    if found.failures:
        raise UserError("\n".join(found.failures))


def show(judged: Sequence[Judged]) -> None:
    """Every series as a row of one table."""
    from rich.table import Table
    from rich.text import Text

    from brats_seg.console import plain_console

    rows = Table("case", "series", "description", "slices", "is", "why")
    for each in judged:
        series, verdict = each.series, each.verdict
        number, slices = f"{series.attributes['number']:g}", str(len(series.positions))
        cells = (each.case, number, series.description, slices, verdict.modality or "", verdict.reason)
        rows.add_row(
            *(Text(cell, overflow="fold") for cell in cells), style="" if verdict.modality else "dim"
        )
    console = plain_console()
    # Where nobody looks at a screen, a series stays on one line.
    (console if console.is_terminal else plain_console(width=10_000)).print(rows)


if __name__ == "__main__":
    main()
