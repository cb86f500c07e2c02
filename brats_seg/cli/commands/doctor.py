"""`brats-seg doctor`. Covered by tests/workflows/test_diagnosis.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/doctor.yaml`` and the kinds of their values."""

    folder: str


@command("doctor")
def main(config: DictConfig) -> None:
    """Say what this machine has, and what is missing for which feature."""
    from pathlib import Path

    from rich.table import Table

    from brats_seg.console import plain_console
    from brats_seg.workflows import doctor

    diagnosis = doctor(Path(config.folder))
    table = Table(box=None, show_header=False)
    for rows in (diagnosis.versions, diagnosis.machine, diagnosis.features):
        for name, value in rows.items():
            table.add_row(name, value)
        table.add_section()
    plain_console().print(table, markup=False)


if __name__ == "__main__":
    main()
